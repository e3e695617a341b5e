//! Which addresses of the internet a webhook may lead to: public ones, and nothing that only our own network can reach.
//!
//! The name of a webhook's host is anybody's to choose, and so is what it resolves to. So every address that it resolves to is asked about
//! here, at each delivery, and the connection is made to exactly the address that was admitted.
//!
//! Sources: <https://www.iana.org/assignments/iana-ipv4-special-registry/>, <https://www.iana.org/assignments/iana-ipv6-special-registry/>,
//! <https://www.iana.org/assignments/ipv6-address-space/>

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {what}, and a webhook must lead to a public address")]
pub struct Refused {
    /// Which address.
    pub address: IpAddr,
    /// What is there instead of the public internet.
    pub what: &'static str,
}

/// Blocks that are not the public internet, by their first address and the length of their prefix.
const BLOCKS_4: [(Ipv4Addr, u32, &str); 19] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier's customers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 52, 193, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay between IPv6 and IPv4"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(192, 175, 48, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same of IPv6. What is in none of them and outside `2000::/3` is refused as well: nothing there is given to anybody.
const BLOCKS_6: [(Ipv6Addr, u32, &str); 13] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, "an IPv4 address in an outdated form"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "a relay between IPv6 and IPv4"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "where packets are discarded"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, "reserved for protocols"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// What is given out as public addresses of IPv6.
const GLOBAL_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Lets a webhook be sent to this address, or says why not. An IPv6 address that stands for an IPv4 one is what that one is.
///
/// # Errors
/// [`Refused`] with what the address is for.
pub fn admit(address: IpAddr) -> Result<(), Refused> {
    let what = match address {
        IpAddr::V4(four) => reserved_4(four),
        IpAddr::V6(six) => embedded(six).map_or_else(|| reserved_6(six), reserved_4),
    };
    what.map_or(Ok(()), |what| Err(Refused { address, what }))
}

fn reserved_4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(address);
    let is_in = |(block, length, _): &&(Ipv4Addr, u32, &str)| (bits ^ u32::from(*block)).leading_zeros() >= *length;
    BLOCKS_4.iter().find(is_in).map(|(_, _, what)| *what)
}

fn reserved_6(address: Ipv6Addr) -> Option<&'static str> {
    let is_in = |block: Ipv6Addr, length: u32| (u128::from(address) ^ u128::from(block)).leading_zeros() >= length;
    let found = BLOCKS_6.iter().find(|(block, length, _)| is_in(*block, *length)).map(|(_, _, what)| *what);
    found.or_else(|| (!is_in(GLOBAL_6.0, GLOBAL_6.1)).then_some("not given to anybody"))
}

/// The IPv4 address that an IPv6 address leads to: mapped (`::ffff:0:0/96`), through NAT64 (`64:ff9b::/96`, which a network without IPv4
/// resolves every such host to) or 6to4 (`2002::/16`).
/// Sources: RFC 4291 section 2.5.5.2, RFC 6052 section 2.1, RFC 3056 section 2.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let four = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => four(high, low),
        [0x2002, high, low, ..] => four(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_public_addresses_are_admitted() {
        for (address, expected) in [
            ("8.8.8.8", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("223.255.255.255", None),
            ("2606:4700::1111", None),
            ("2a00:1450:4001::1", None),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::8.8.8.8", None),
            ("2002:808:808::1", None),
            ("0.0.0.0", Some("this network")),
            ("0.1.2.3", Some("this network")),
            ("10.255.0.1", Some("private")),
            ("100.64.0.0", Some("shared by a carrier's customers")),
            ("100.127.255.255", Some("shared by a carrier's customers")),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.255", Some("loopback")),
            ("169.254.169.254", Some("link-local")),
            ("169.254.170.2", Some("link-local")),
            ("172.16.0.0", Some("private")),
            ("172.31.255.255", Some("private")),
            ("192.0.0.170", Some("reserved for protocols")),
            ("192.0.2.1", Some("for documentation")),
            ("192.88.99.1", Some("a relay between IPv6 and IPv4")),
            ("192.168.1.1", Some("private")),
            ("198.19.255.255", Some("for benchmarks")),
            ("198.51.100.7", Some("for documentation")),
            ("203.0.113.7", Some("for documentation")),
            ("224.0.0.1", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::127.0.0.1", Some("an IPv4 address in an outdated form")),
            ("::8.8.8.8", Some("an IPv4 address in an outdated form")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:169.254.169.254", Some("link-local")),
            ("::ffff:0:8.8.8.8", Some("not given to anybody")),
            ("64:ff9b::10.0.0.1", Some("private")),
            ("64:ff9b:1::8.8.8.8", Some("a relay between IPv6 and IPv4")),
            ("100::1", Some("where packets are discarded")),
            ("2001::1", Some("reserved for protocols")),
            ("2001:0:808:808::1", Some("reserved for protocols")),
            ("2001:20::1", Some("reserved for protocols")),
            ("2001:db8::1", Some("for documentation")),
            ("2002:7f00:1::1", Some("loopback")),
            ("2002:a9fe:a9fe::1", Some("link-local")),
            ("3fff:fff::1", Some("for documentation")),
            ("4000::1", Some("not given to anybody")),
            ("5f00::1", Some("not given to anybody")),
            ("fd00:ec2::254", Some("private")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("private")),
            ("ff02::1", Some("multicast")),
        ] {
            let refused = admit(address.parse().expect(address)).err();
            assert_eq!(refused.map(|refused| refused.what), expected, "{address}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_there() {
        let refused = admit("169.254.169.254".parse().unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), "169.254.169.254 is link-local, and a webhook must lead to a public address");
    }

    proptest! {
        #[test]
        fn what_the_standard_library_knows_as_special_is_refused(bits in any::<u32>(), form in 0..4_u8) {
            let four = Ipv4Addr::from(bits);
            let is_special = four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast()
                || four.is_broadcast() || four.is_documentation() || four.is_unspecified();
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            let address = match form {
                0 => IpAddr::V4(four),
                1 => IpAddr::V6(four.to_ipv6_mapped()),
                2 => IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low)),
                _ => IpAddr::V6(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1)),
            };
            prop_assert!(!is_special || admit(address).is_err(), "{}", address);
        }

        #[test]
        fn no_wrapping_admits_more_than_the_address_itself(bits in any::<u32>()) {
            let four = Ipv4Addr::from(bits);
            let mapped = admit(IpAddr::V6(four.to_ipv6_mapped())).is_ok();
            prop_assert_eq!(mapped, admit(IpAddr::V4(four)).is_ok());
        }
    }
}
