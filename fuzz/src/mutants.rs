//! Writes mutants of a corpus, the same ones for the same corpus and seed:
//!
//! ```text
//! mutants CORPUS FOLDER NUMBER SEED
//! ```
//!
//! libFuzzer's own depend on what each run covers, and so on the compiler, libnl
//! and timing. What the tests run must not.

use std::error::Error;
use std::fs;
use std::path::Path;

/// As libFuzzer's -max_len in scripts/fuzz.
const MAX_LENGTH: usize = 512;
const MAX_MUTATIONS: u32 = 8;
/// Where off-by-ones and overflows are.
const INTERESTING: [u32; 16] = [
    0,
    1,
    2,
    3,
    4,
    8,
    15,
    16,
    17,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, folder, number, seed] = &arguments[..] else {
        return Err("usage: mutants CORPUS FOLDER NUMBER SEED".into());
    };
    let originals = read(Path::new(corpus))?;
    let number: usize = number.parse()?;
    let mut random = Random(seed.parse()?);
    let folder = Path::new(folder);
    for (count, original) in originals.iter().cycle().take(number).enumerate() {
        let mut input = original.clone();
        for _ in 0..random.mutations() {
            let other: &Vec<u8> = random.pick(&originals);
            mutate(&mut input, other, &mut random);
        }
        fs::write(folder.join(format!("{count:05}")), input)?;
    }
    Ok(())
}

/// The inputs of a folder, in the order of their names.
fn read(folder: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut inputs = Vec::new();
    for path in paths {
        inputs.push(fs::read(path)?);
    }
    if inputs.is_empty() {
        return Err(format!("{}: there is no input", folder.display()).into());
    }
    Ok(inputs)
}

/// Changes an input in one place; `other` is one to take from.
fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    match random.below(9) {
        0 => {
            if let Some(byte) = random.slot(input) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = random.slot(input) {
                *byte = random.next() as u8;
            }
        }
        2 => {
            let number = *random.pick(&INTERESTING);
            put_number(input, random, |_| number);
        }
        3 => {
            let step = 1 + random.below(16) as u32;
            let sign = random.below(2);
            put_number(input, random, |number| match sign {
                0 => number.wrapping_add(step),
                _ => number.wrapping_sub(step),
            });
        }
        4 => {
            let (from, to) = random.range(input.len());
            input.drain(from..to);
        }
        5 => {
            let at = random.below(input.len() + 1);
            let byte = random.next() as u8;
            let length = 1 + random.below(16);
            input.splice(at..at, std::iter::repeat_n(byte, length));
        }
        6 => {
            let (from, to) = random.range(input.len());
            let again = input[from..to].to_vec();
            let at = random.below(input.len() + 1);
            input.splice(at..at, again);
        }
        7 => {
            let (from, to) = random.range(other.len());
            let at = random.below(input.len() + 1);
            // In place of as many bytes, or between others.
            let replaced = if random.below(2) == 0 { to - from } else { 0 };
            let end = (at + replaced).min(input.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let at = random.below(input.len() + 1);
            let (from, _) = random.range(other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
    input.truncate(MAX_LENGTH);
}

/// Changes a number of one, two or four bytes, in either byte order.
fn put_number(input: &mut [u8], random: &mut Random, change: impl FnOnce(u32) -> u32) {
    let size = 1 << random.below(3);
    if input.len() < size {
        return;
    }
    let at = random.below(input.len() - size + 1);
    let place = &mut input[at..at + size];
    let is_big_endian = random.below(4) == 0;
    if is_big_endian {
        place.reverse();
    }
    let mut number = [0; 4];
    number[..size].copy_from_slice(place);
    let changed = change(u32::from_le_bytes(number)).to_le_bytes();
    place.copy_from_slice(&changed[..size]);
    if is_big_endian {
        place.reverse();
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One mostly, seldom many.
    fn mutations(&mut self) -> u32 {
        (1 + self.next().trailing_ones()).min(MAX_MUTATIONS)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn slot<'a>(&mut self, of: &'a mut [u8]) -> Option<&'a mut u8> {
        let at = self.below(of.len().max(1));
        of.get_mut(at)
    }

    /// A range, mostly a short one, of something this long.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let longest = if self.below(4) == 0 { length } else { 32 };
        let to = from + self.below(longest.min(length - from) + 1);
        (from, to)
    }
}
