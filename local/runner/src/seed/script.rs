//! The history of every customer, along one line of time.

use super::Beat::{self, Connect, Entrust, Found, Reinforce, Sleep, Until, Work};
use crate::panel::Trouble;

/// Days, in hours.
const fn days(days: i64) -> i64 {
    days * 24
}

/// What happens, in order. The hours count back from the present.
///
/// - Oakline connected first, and then nobody looked for 91 days: 700082.
/// - Alder signed in under a policy of 14 days, which Entra told when it ended that sign-in (70043); the next one ends in 3 days.
/// - Kestrel met a policy of 7 days and has not come back (70043).
/// - Pemberton has a second administrator's consent in reserve.
/// - Juniper lets the app itself read, so the password reset that follows ends nothing.
/// - The others' troubles are spread over the last four days, and each is noticed within the hour.
pub const SCRIPT: &[Beat] = &[
    Found("oakline"),
    Connect("oakline"),
    Sleep(days(26)),
    Found("alder-clinics"),
    Work("alder-clinics", Trouble::SignInFrequency14),
    Connect("alder-clinics"),
    Found("marigold"),
    Connect("marigold"),
    Until(days(12)),
    Until(days(11) + 12),
    Connect("alder-clinics"),
    Found("kestrel"),
    Work("kestrel", Trouble::SignInFrequency7),
    Connect("kestrel"),
    Found("brightwater"),
    Connect("brightwater"),
    Found("quill-sons"),
    Connect("quill-sons"),
    Found("lumen-legal"),
    Connect("lumen-legal"),
    Found("juniper-rail"),
    Connect("juniper-rail"),
    Found("pemberton"),
    Connect("pemberton"),
    Reinforce("pemberton"),
    Until(days(4)),
    Work("brightwater", Trouble::ResetPassword),
    Until(days(4) - 1),
    Found("sable"),
    Connect("sable"),
    Until(days(2) + 5),
    Work("marigold", Trouble::WithdrawConsent),
    Until(days(2) + 4),
    Entrust("juniper-rail"),
    Until(days(1) + 7),
    Work("lumen-legal", Trouble::RequireMfa),
    Until(days(1) + 6),
    Until(19),
    Work("quill-sons", Trouble::Block),
    Work("juniper-rail", Trouble::ResetPassword),
    Until(18),
    Found("harbor-finch"),
    Connect("harbor-finch"),
    Until(3),
    Work("sable", Trouble::ExpireSecret),
    Until(2),
    Found("tern-coffee"),
    Until(0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers;
    use crate::seed::REACHES_BACK;

    #[test]
    fn time_only_goes_forward_and_ends_now() {
        let hours = SCRIPT.iter().filter_map(|beat| match beat {
            Until(hours) | Sleep(hours) => Some(*hours),
            Found(_) | Connect(_) | Reinforce(_) | Entrust(_) | Work(..) => None,
        });
        let hours: Vec<i64> = std::iter::once(REACHES_BACK.as_hours()).chain(hours).collect();
        assert!(hours.windows(2).all(|pair| pair[0] > pair[1]), "{hours:?}");
        assert_eq!(hours.last(), Some(&0));
    }

    #[test]
    fn every_customer_is_founded_before_anything_happens_to_it() {
        for customer in customers::all() {
            let is_about =
                |beat: &&Beat| matches!(beat, Found(id) | Connect(id) | Reinforce(id) | Entrust(id) | Work(id, _) if *id == customer.id);
            assert_eq!(SCRIPT.iter().find(is_about), Some(&Found(customer.id)), "{}", customer.name);
        }
    }
}
