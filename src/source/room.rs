//! Room in the browser's storage: does the model fit, and what would have to go to make it fit.

/// A browser refuses writes some way before its quota, and its estimate is deliberately inexact.
const MARGIN_BYTES: u64 = 32 << 20;

/// What the browser says of this origin's storage, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Used now.
    pub usage: u64,
    /// The most it may use.
    pub quota: u64,
}

/// One stored model, as far as making room is concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its generation id.
    pub id: String,
    /// Bytes that go with it.
    pub bytes: u64,
    /// Milliseconds since 1970.
    pub last_used: f64,
    /// Whether it is loading or must stay for another reason.
    pub in_use: bool,
}

/// The decision before a download.
#[derive(Clone, Debug, PartialEq)]
pub enum Room {
    /// It fits as it is.
    Fits,
    /// It fits once these are removed, in this order.
    Evict(Vec<String>),
    /// It does not fit: run from memory.
    Short {
        /// Bytes that would be needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

/// Decides whether `needed` more bytes fit. Least recently used tenants are offered for removal only where
/// `may_evict`, and only if removing them is enough. An unknown estimate counts as room: writing will tell.
pub fn decide(needed: u64, estimate: Option<Estimate>, tenants: &[Tenant], may_evict: bool) -> Room {
    let Some(estimate) = estimate else { return Room::Fits };
    let free = estimate.quota.saturating_sub(estimate.usage);
    let wanted = needed.saturating_add(MARGIN_BYTES.min(estimate.quota / 10));
    if wanted <= free {
        return Room::Fits;
    }
    let evicted = if may_evict { evict(wanted - free, tenants) } else { None };
    evicted.map_or(Room::Short { needed, free }, Room::Evict)
}

/// The least recently used tenants whose removal gives at least `bytes` back; `None` if all are not enough.
pub fn evict(bytes: u64, tenants: &[Tenant]) -> Option<Vec<String>> {
    let mut candidates: Vec<&Tenant> = tenants.iter().filter(|tenant| !tenant.in_use && tenant.bytes > 0).collect();
    candidates.sort_by(|a, b| a.last_used.total_cmp(&b.last_used));
    let (mut freed, mut ids) = (0u64, Vec::new());
    for tenant in candidates {
        if freed >= bytes {
            break;
        }
        freed = freed.saturating_add(tenant.bytes);
        ids.push(tenant.id.clone());
    }
    (freed >= bytes).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn tenants() -> Vec<Tenant> {
        [("new", 300, 9.0, false), ("old", 200, 1.0, false), ("busy", 900, 0.0, true), ("mid", 400, 5.0, false)]
            .map(|(id, mb, last_used, in_use)| Tenant { id: id.into(), bytes: mb * MB, last_used, in_use })
            .to_vec()
    }

    #[test]
    fn the_least_recently_used_go_first_and_only_if_it_helps() {
        assert_eq!(evict(100 * MB, &tenants()), Some(vec!["old".into()]));
        assert_eq!(evict(500 * MB, &tenants()), Some(vec!["old".into(), "mid".into()]));
        assert_eq!(evict(901 * MB, &tenants()), None);
        assert_eq!(evict(0, &tenants()), Some(vec![]));
    }

    #[test]
    fn room_is_decided_with_a_margin() {
        let estimate = Some(Estimate { usage: 1800 * MB, quota: 2000 * MB });
        assert_eq!(decide(168 * MB, estimate, &tenants(), false), Room::Fits);
        assert_eq!(decide(169 * MB, estimate, &tenants(), false), Room::Short { needed: 169 * MB, free: 200 * MB });
        assert_eq!(decide(300 * MB, estimate, &tenants(), true), Room::Evict(vec!["old".into()]));
        assert_eq!(decide(3000 * MB, estimate, &tenants(), true), Room::Short { needed: 3000 * MB, free: 200 * MB });
        assert_eq!(decide(u64::MAX, None, &tenants(), true), Room::Fits);
    }
}
