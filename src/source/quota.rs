//! The storage quota: whether a model fits, and which models would have to be removed to make it fit.

/// A browser refuses writes some way before its quota, and its estimate is deliberately inexact.
const MARGIN_BYTES: u64 = 32 << 20;

/// The browser's estimate of this origin's storage, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Used now.
    pub usage: u64,
    /// The most it may use.
    pub quota: u64,
}

/// A stored model that may be removed.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedModel {
    /// Its revision id.
    pub id: String,
    /// Bytes that its removal frees.
    pub bytes: u64,
    /// Milliseconds since 1970.
    pub last_used: f64,
    /// Whether it is loading or must stay for another reason.
    pub in_use: bool,
}

/// The decision before a download.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
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

/// Decides whether `needed` more bytes fit. Least recently used models are offered for removal only where
/// `may_evict`, and only if removing them is enough. An unknown estimate counts as room: writing will tell.
pub fn decide(needed: u64, estimate: Option<Estimate>, models: &[CachedModel], may_evict: bool) -> Verdict {
    let Some(estimate) = estimate else { return Verdict::Fits };
    let free = estimate.quota.saturating_sub(estimate.usage);
    let wanted = needed.saturating_add(MARGIN_BYTES.min(estimate.quota / 10));
    if wanted <= free {
        return Verdict::Fits;
    }
    let evicted = if may_evict { evict(wanted - free, models) } else { None };
    evicted.map_or(Verdict::Short { needed, free }, Verdict::Evict)
}

/// The least recently used models whose removal gives at least `bytes` back; `None` if all are not enough.
pub fn evict(bytes: u64, models: &[CachedModel]) -> Option<Vec<String>> {
    let mut candidates: Vec<&CachedModel> = models.iter().filter(|model| !model.in_use && model.bytes > 0).collect();
    candidates.sort_by(|a, b| a.last_used.total_cmp(&b.last_used));
    let (mut freed, mut ids) = (0u64, Vec::new());
    for model in candidates {
        if freed >= bytes {
            break;
        }
        freed = freed.saturating_add(model.bytes);
        ids.push(model.id.clone());
    }
    (freed >= bytes).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn models() -> Vec<CachedModel> {
        [("new", 300, 9.0, false), ("old", 200, 1.0, false), ("busy", 900, 0.0, true), ("mid", 400, 5.0, false)]
            .map(|(id, mb, last_used, in_use)| CachedModel { id: id.into(), bytes: mb * MB, last_used, in_use })
            .to_vec()
    }

    #[test]
    fn the_least_recently_used_go_first_and_only_if_it_helps() {
        assert_eq!(evict(100 * MB, &models()), Some(vec!["old".into()]));
        assert_eq!(evict(500 * MB, &models()), Some(vec!["old".into(), "mid".into()]));
        assert_eq!(evict(901 * MB, &models()), None);
        assert_eq!(evict(0, &models()), Some(vec![]));
    }

    #[test]
    fn room_is_decided_with_a_margin() {
        let estimate = Some(Estimate { usage: 1800 * MB, quota: 2000 * MB });
        assert_eq!(decide(168 * MB, estimate, &models(), false), Verdict::Fits);
        assert_eq!(decide(169 * MB, estimate, &models(), false), Verdict::Short { needed: 169 * MB, free: 200 * MB });
        assert_eq!(decide(300 * MB, estimate, &models(), true), Verdict::Evict(vec!["old".into()]));
        assert_eq!(decide(3000 * MB, estimate, &models(), true), Verdict::Short { needed: 3000 * MB, free: 200 * MB });
        assert_eq!(decide(u64::MAX, None, &models(), true), Verdict::Fits);
    }
}
