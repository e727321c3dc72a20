//! libnl's rule objects (`struct rtnl_rule`).

use std::ffi::{CStr, c_int};
use std::ops::RangeInclusive;

use libnl3_sys as sys;

use super::kinds::kind;
use super::net_address::network;
use super::{IpPrefix, name_of, text};
use crate::nl::Message;

/// `linux/fib_rules.h`.
const FIB_RULE_INVERT: u32 = 2;

kind! {
    /// An owned `rtnl_rule`: which packets are routed by which table.
    ///
    /// libnl does not know a rule's FRA_SUPPRESS_*, FRA_UID_RANGE and newer
    /// selectors. It knows that a rule is inverted, yet neither tells nor prints
    /// it: [`is_inverted`](Self::is_inverted) is read from the message.
    ///
    /// ```
    /// use linkwatch::nl::{self, Rule};
    ///
    /// for rule in nl::dump::<Rule>()?.items {
    ///     println!("{}: table {:?}", rule.priority(), rule.table());
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    Rule,
    /// A borrowed `rtnl_rule`.
    RuleRef,
    rtnl_rule, "route/rule", RTM_NEWRULE,
    flags: u32 = header_flags
}

/// `flags` of `struct fib_rule_hdr`: the last four of its twelve bytes.
fn header_flags(message: &Message<'_>) -> u32 {
    let flags = message.payload().get(8..).and_then(<[u8]>::first_chunk);
    flags.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

impl Rule {
    /// True if the rule is for the packets that do *not* match (`not`,
    /// FIB_RULE_INVERT).
    pub fn is_inverted(&self) -> bool {
        self.flags & FIB_RULE_INVERT != 0
    }

    /// `FIB_RULE_*` (`linux/fib_rules.h`), from the message's header.
    pub fn flags(&self) -> u32 {
        self.flags
    }
}

impl RuleRef<'_> {
    /// `AF_INET`, `AF_INET6` or another (`rtnl_rule_get_family`).
    pub fn family(&self) -> u8 {
        // SAFETY: the object is live for as long as `self`, as in all getters
        // here; a plain getter.
        let family = unsafe { sys::rtnl_rule_get_family(self.as_ptr()) };
        u8::try_from(family).unwrap_or(0)
    }

    /// The place in the order of the rules (`rtnl_rule_get_prio`). The kernel
    /// leaves 0 out, and libnl reads absent as 0.
    pub fn priority(&self) -> u32 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_rule_get_prio(self.as_ptr()) }
    }

    /// The table that is looked up, if that is what the rule does
    /// (`rtnl_rule_get_table`).
    pub fn table(&self) -> Option<u32> {
        // SAFETY: a plain getter.
        let table = unsafe { sys::rtnl_rule_get_table(self.as_ptr()) };
        (table != 0).then_some(table)
    }

    /// What is done, `FR_ACT_*` (`rtnl_rule_get_action`).
    pub fn action(&self) -> u8 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_rule_get_action(self.as_ptr()) }
    }

    /// The network that packets are from, `None` for all
    /// (`rtnl_rule_get_src`).
    pub fn source(&self) -> Option<IpPrefix> {
        // SAFETY: the getter returns NULL or an address that lives in the object.
        unsafe { network(sys::rtnl_rule_get_src(self.as_ptr())) }
    }

    /// The network that packets are for, `None` for all
    /// (`rtnl_rule_get_dst`).
    pub fn destination(&self) -> Option<IpPrefix> {
        // SAFETY: as in `source`.
        unsafe { network(sys::rtnl_rule_get_dst(self.as_ptr())) }
    }

    /// The interface that packets come in by (`rtnl_rule_get_iif`).
    pub fn input_interface(&self) -> Option<&CStr> {
        // SAFETY: NULL, or a string that lives in the object.
        unsafe { text(sys::rtnl_rule_get_iif(self.as_ptr())) }
    }

    /// The interface that packets are bound to go out by
    /// (`rtnl_rule_get_oif`).
    pub fn output_interface(&self) -> Option<&CStr> {
        // SAFETY: as in `input_interface`.
        unsafe { text(sys::rtnl_rule_get_oif(self.as_ptr())) }
    }

    /// The mark of packets, and the mask of its bits that count
    /// (`rtnl_rule_get_mark`, `rtnl_rule_get_mask`). The kernel leaves both
    /// out where they are 0, and libnl reads absent as 0.
    pub fn mark(&self) -> Option<(u32, u32)> {
        // SAFETY: plain getters.
        let (mark, mask) = unsafe {
            (
                sys::rtnl_rule_get_mark(self.as_ptr()),
                sys::rtnl_rule_get_mask(self.as_ptr()),
            )
        };
        (mark != 0 || mask != 0).then_some((mark, mask))
    }

    /// The type of service, 0 for any (`rtnl_rule_get_dsfield`).
    pub fn tos(&self) -> u8 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_rule_get_dsfield(self.as_ptr()) }
    }

    /// The priority of the rule to go on with (`rtnl_rule_get_goto`).
    pub fn goto(&self) -> Option<u32> {
        // SAFETY: a plain getter; 0 where it is absent, which is no target:
        // the kernel allows only those further down.
        let target = unsafe { sys::rtnl_rule_get_goto(self.as_ptr()) };
        (target != 0).then_some(target)
    }

    /// True if the table is that of the packet's VRF (`rtnl_rule_get_l3mdev`).
    pub fn is_l3mdev(&self) -> bool {
        // SAFETY: a getter; negative where it is absent.
        unsafe { sys::rtnl_rule_get_l3mdev(self.as_ptr()) > 0 }
    }

    /// Who made the rule, `RTPROT_*` (`rtnl_rule_get_protocol`).
    pub fn protocol(&self) -> Option<u8> {
        let mut protocol = 0;
        // SAFETY: the result goes into a local variable.
        let result = unsafe { sys::rtnl_rule_get_protocol(self.as_ptr(), &raw mut protocol) };
        (result >= 0).then_some(protocol)
    }

    /// The IP protocol of packets, `IPPROTO_*` (`rtnl_rule_get_ipproto`).
    pub fn ip_protocol(&self) -> Option<u8> {
        let mut protocol = 0;
        // SAFETY: the result goes into a local variable.
        let result = unsafe { sys::rtnl_rule_get_ipproto(self.as_ptr(), &raw mut protocol) };
        (result >= 0).then_some(protocol)
    }

    /// The ports that packets are from (`rtnl_rule_get_sport`).
    pub fn source_ports(&self) -> Option<RangeInclusive<u16>> {
        self.ports(sys::rtnl_rule_get_sport)
    }

    /// The ports that packets are for (`rtnl_rule_get_dport`).
    pub fn destination_ports(&self) -> Option<RangeInclusive<u16>> {
        self.ports(sys::rtnl_rule_get_dport)
    }

    fn ports(
        &self,
        get: unsafe extern "C" fn(*mut sys::rtnl_rule, *mut u16, *mut u16) -> c_int,
    ) -> Option<RangeInclusive<u16>> {
        let (mut first, mut last) = (0, 0);
        // SAFETY: both callers pass a getter of libnl, whose results go into
        // local variables.
        let result = unsafe { get(self.as_ptr(), &raw mut first, &raw mut last) };
        (result >= 0).then_some(first..=last)
    }

    /// libnl's word for the [action](Self::action) (`nl_rtntype2str`), which
    /// it takes for a type of routes: a rule that looks a table up is
    /// `unicast` there.
    pub fn action_name(&self) -> String {
        // SAFETY: the function writes at most the given length.
        unsafe { name_of(c_int::from(self.action()), sys::nl_rtntype2str) }
    }
}
