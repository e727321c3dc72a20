//! What the fuzz targets share: a kernel made of the input, and the rules that
//! every stream of events keeps.

pub mod audit;
mod descriptors;
pub mod input;
pub mod kernel;
pub mod system_calls;
pub mod trace;
