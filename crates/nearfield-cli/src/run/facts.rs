use nearfield::interactions::Log;
use serde::Serialize;

/// What a log says beside who took what.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Facts {
    /// Histories or sessions that are learned from.
    n_sequences: usize,
    /// Seconds since 1970 of the first and the last interaction of training, where the log has times.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_time: Option<i64>,
    /// The same of the first that is held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_first_time: Option<i64>,
    /// When each item of the catalogue first came, `[n_items]`.
    #[serde(skip)]
    pub(super) first_seen: Option<Vec<Option<i64>>>,
}

impl Facts {
    pub(super) fn of(train: &Log, test: Option<&Log>, n_sequences: usize, n_items: usize) -> Self {
        let times = train.times().unwrap_or_default();
        let first_seen = train.times().map(|times| {
            let mut first = vec![None; n_items];
            for (&item, &time) in train.items().iter().zip(times) {
                let own: &mut Option<i64> = &mut first[item as usize];
                *own = Some(own.map_or(time, |before| before.min(time)));
            }
            first
        });
        Self {
            n_sequences,
            first_time: times.iter().min().copied(),
            last_time: times.iter().max().copied(),
            test_first_time: test.and_then(Log::times).unwrap_or_default().iter().min().copied(),
            first_seen,
        }
    }
}
