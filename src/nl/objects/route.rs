//! libnl's route objects (`struct rtnl_route`).

use std::ffi::{c_int, c_void};
use std::net::IpAddr;

use libnl3_sys as sys;

use super::kinds::kind;
use super::net_address::{ip, network};
use super::{IpPrefix, Scope, name_of};

kind! {
    /// An owned `rtnl_route`.
    ///
    /// A dump has the routes of all tables and families, among them those of
    /// multicast routing, whose families are `RTNL_FAMILY_IPMR` (128) and
    /// `RTNL_FAMILY_IP6MR` (129).
    ///
    /// ```
    /// use linkwatch::nl::{self, Route};
    ///
    /// for route in nl::dump::<Route>()?.items {
    ///     match route.destination() {
    ///         Some(network) => println!("{network}: {:?}", route.next_hops()),
    ///         None => println!("default: {:?}", route.next_hops()),
    ///     }
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    Route,
    /// A borrowed `rtnl_route`.
    RouteRef,
    rtnl_route, "route/route", RTM_NEWROUTE
}

/// One way that a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextHop {
    /// The index of the interface (`rtnl_route_nh_get_ifindex`).
    pub ifindex: Option<u32>,
    /// The next router (`rtnl_route_nh_get_gateway`), which may be one of IPv6
    /// on the way to an IPv4 network (`rtnl_route_nh_get_via`); `None` where
    /// the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Its share among several, from 1 on. (`rtnl_route_nh_get_weight` has the
    /// kernel's `rtnh_hops`, which is one less.)
    pub weight: u16,
    /// `RTNH_F_*` (`rtnl_route_nh_get_flags`).
    pub flags: u32,
}

impl NextHop {
    /// # Safety
    ///
    /// `raw` is a live next hop.
    unsafe fn from_raw(raw: *mut sys::rtnl_nexthop) -> NextHop {
        // SAFETY: promised by the caller; plain getters, which return NULL or
        // addresses that live in the next hop.
        unsafe {
            let gateway = ip(sys::rtnl_route_nh_get_gateway(raw));
            let ifindex = u32::try_from(sys::rtnl_route_nh_get_ifindex(raw)).ok();
            NextHop {
                ifindex: ifindex.filter(|&index| index != 0),
                gateway: gateway.or_else(|| ip(sys::rtnl_route_nh_get_via(raw))),
                weight: u16::from(sys::rtnl_route_nh_get_weight(raw)) + 1,
                flags: sys::rtnl_route_nh_get_flags(raw),
            }
        }
    }
}

impl RouteRef<'_> {
    /// `AF_INET`, `AF_INET6` or another (`rtnl_route_get_family`).
    pub fn family(&self) -> u8 {
        // SAFETY: the object is live for as long as `self`, as in all getters
        // here; a plain getter.
        unsafe { sys::rtnl_route_get_family(self.as_ptr()) }
    }

    /// The network that the route leads to (`rtnl_route_get_dst`); `None` for
    /// the default route, and for a destination that is no IP network.
    pub fn destination(&self) -> Option<IpPrefix> {
        // SAFETY: the getter returns NULL or an address that lives in the object.
        unsafe { network(sys::rtnl_route_get_dst(self.as_ptr())) }
    }

    /// The network that packets are from (`rtnl_route_get_src`); `None` if they
    /// may be from any.
    pub fn source(&self) -> Option<IpPrefix> {
        // SAFETY: as in `destination`.
        unsafe { network(sys::rtnl_route_get_src(self.as_ptr())) }
    }

    /// RTA_PREFSRC: the address that packets of this machine are given
    /// (`rtnl_route_get_pref_src`).
    pub fn preferred_source(&self) -> Option<IpAddr> {
        // SAFETY: as in `destination`.
        unsafe { ip(sys::rtnl_route_get_pref_src(self.as_ptr())) }
    }

    /// The table, `RT_TABLE_*` (`rtnl_route_get_table`).
    pub fn table(&self) -> u32 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_table(self.as_ptr()) }
    }

    /// The table's name, or its number in hexadecimal
    /// (`rtnl_route_table2str`, by libnl's own file of names).
    pub fn table_name(&self) -> String {
        // The function takes the number as an int, bit by bit.
        let table = self.table() as c_int;
        // SAFETY: the function writes at most the given length.
        unsafe { name_of(table, sys::rtnl_route_table2str) }
    }

    /// The type, `RTN_*` (`rtnl_route_get_type`).
    pub fn kind(&self) -> u8 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_type(self.as_ptr()) }
    }

    /// The name of the type: `unicast`, `local`, `blackhole`, …
    /// (`nl_rtntype2str`).
    pub fn kind_name(&self) -> String {
        // SAFETY: the function writes at most the given length.
        unsafe { name_of(c_int::from(self.kind()), sys::nl_rtntype2str) }
    }

    /// Who made the route, `RTPROT_*` (`rtnl_route_get_protocol`).
    pub fn protocol(&self) -> u8 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_protocol(self.as_ptr()) }
    }

    /// The name of who made the route: `kernel`, `boot`, `ra`, …, or the number
    /// in hexadecimal (`rtnl_route_proto2str`).
    pub fn protocol_name(&self) -> String {
        // SAFETY: the function writes at most the given length.
        unsafe { name_of(c_int::from(self.protocol()), sys::rtnl_route_proto2str) }
    }

    /// How far the destination is (`rtnl_route_get_scope`).
    pub fn scope(&self) -> Scope {
        // SAFETY: a plain getter.
        Scope::from_raw(unsafe { sys::rtnl_route_get_scope(self.as_ptr()) })
    }

    /// The type of service, 0 for any (`rtnl_route_get_tos`).
    pub fn tos(&self) -> u8 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_tos(self.as_ptr()) }
    }

    /// RTA_PRIORITY, iproute2's `metric`: the lower, the better
    /// (`rtnl_route_get_priority`). IPv4 leaves 0 out, and libnl reads absent
    /// as 0.
    pub fn priority(&self) -> u32 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_priority(self.as_ptr()) }
    }

    /// `RTM_F_*` and `RTNH_F_*` (`rtnl_route_get_flags`).
    pub fn flags(&self) -> u32 {
        // SAFETY: a plain getter.
        unsafe { sys::rtnl_route_get_flags(self.as_ptr()) }
    }

    /// RTA_IIF: the index of the interface that packets come in by
    /// (`rtnl_route_get_iif`).
    pub fn input_interface(&self) -> Option<u32> {
        // SAFETY: a plain getter; 0 where it is absent.
        let index = unsafe { sys::rtnl_route_get_iif(self.as_ptr()) };
        u32::try_from(index).ok().filter(|&index| index != 0)
    }

    /// One of RTA_METRICS, `RTAX_*`: the MTU is 2 (`rtnl_route_get_metric`).
    pub fn metric(&self, which: u8) -> Option<u32> {
        let mut value = 0;
        // SAFETY: libnl checks the number; the result goes into a local variable.
        let result = unsafe {
            sys::rtnl_route_get_metric(self.as_ptr(), c_int::from(which), &raw mut value)
        };
        (result >= 0).then_some(value)
    }

    /// Where the route leads (`rtnl_route_foreach_nexthop`): one or several
    /// ways, or none, as for a `blackhole`. A route of a next hop object
    /// (`RTA_NH_ID`) has that object's ways.
    pub fn next_hops(&self) -> Vec<NextHop> {
        let mut hops: Vec<NextHop> = Vec::new();
        // SAFETY: `push` finds the vector behind its argument, which outlives
        // the call.
        unsafe {
            sys::rtnl_route_foreach_nexthop(
                self.as_ptr(),
                Some(push),
                (&raw mut hops).cast::<c_void>(),
            );
        }
        hops
    }
}

/// Takes one next hop of a route.
unsafe extern "C" fn push(hop: *mut sys::rtnl_nexthop, argument: *mut c_void) {
    // SAFETY: `argument` is the vector that `next_hops` passed, and libnl
    // passes a next hop that lives until we return.
    unsafe {
        let hops = &mut *argument.cast::<Vec<NextHop>>();
        hops.push(NextHop::from_raw(hop));
    }
}
