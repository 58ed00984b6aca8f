//! The suite of [`NegativeSampler`].

use rayon::prelude::*;

use super::{THREADS, chi_square, must, refusal, threads};
use crate::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

/// Chance of calling a right law wrong; the draws are seeded, so a suite that passed goes on passing.
const ALPHA: f64 = 1e-6;

/// What a sampler is tested on by [`negative_sampler`].
#[derive(Debug, Clone)]
pub struct SamplerSuite<'a> {
    /// What the sampler is called in messages.
    pub name: &'a str,
    /// The contexts whose law is tested; each draws its `n`.
    pub contexts: Vec<NegativeContext<'a>>,
    /// Query of the contexts that have none, for a law that depends on it.
    pub query: Option<&'a [f32]>,
    /// Whether the sampler claims never to draw `positives`.
    pub excludes: bool,
    /// Draws of each context for the test of its law; 100,000 finds an error of some percent in the
    /// probability of one item among ten.
    pub draws: usize,
}

impl<'a> SamplerSuite<'a> {
    /// A suite over contexts without and with positives (two and eight of the lowest ids), without and with a target. A
    /// sampler whose law depends on the target is tested on those that have one.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        let with = |positives: &'static [ItemId], n| NegativeContext { positives, n, ..Default::default() };
        let mut contexts =
            vec![with(&[], 1), with(&[], 12), with(&[0, 2], 5), with(&[0, 1, 2, 3, 4, 5, 6, 7], 5)];
        contexts.extend([with(&[], 7), with(&[0, 2], 5)].map(|cx| cx.target(2)));
        Self { name, contexts, query: None, excludes: false, draws: 100_000 }
    }

    /// The same with this query in every context that has none, for a sampler whose law depends on it.
    #[must_use]
    pub fn with_query(self, query: &'a [f32]) -> Self {
        Self { query: Some(query), ..self }
    }

    /// The same for a sampler that claims to exclude positives.
    #[must_use]
    pub fn excluding(self) -> Self {
        Self { excludes: true, ..self }
    }
}

/// Tests a sampler: ids in range, the same draws from the same seed on 1, 2 and 7 threads, the law of the draws
/// against `exp(log_expected_count)` by chi-square, exclusion where it is claimed, short counts when nothing is
/// left, `-inf` for items that do not exist, the same draws and counts behind pointers. A context without a target is
/// left out where the sampler says [`SampleError::MissingTarget`]; every other must be served.
///
/// # Panics
/// When the sampler breaks the contract; the message says how.
pub fn negative_sampler(make: impl Fn() -> Box<dyn NegativeSampler>, suite: &SamplerSuite<'_>) {
    let sampler = make();
    let (name, n_items) = (suite.name, sampler.n_items());
    assert!(n_items > 0, "{name}: n_items is 0");
    let contexts: Vec<NegativeContext<'_>> =
        suite.contexts.iter().map(|cx| NegativeContext { query: cx.query.or(suite.query), ..*cx }).collect();
    let mut served = 0;
    for (number, cx) in contexts.iter().enumerate() {
        let what = format!("{name}, context {number} ({} positives, n = {})", cx.positives.len(), cx.n);
        if wants_a_target(&*sampler, cx, &what) {
            continue;
        }
        served += 1;
        law(&*sampler, cx, suite, &what);
        determinism(&make, &*sampler, cx, &what);
        let beyond = ItemId::try_from(n_items).unwrap_or(ItemId::MAX);
        for item in [beyond, ItemId::MAX] {
            let log = sampler.log_expected_count(cx, item);
            assert!(log == f32::NEG_INFINITY, "{what}: item {item} does not exist, its log count is {log}");
        }
        let none = must(sampler.sample_into(cx, &mut SeededRng::new(1), &mut []), &what);
        assert_eq!(none, 0, "{what}: draws into an empty buffer");
        let refused = sampler.log_expected_counts_into(cx, &[0, 0], &mut [0.0]);
        assert!(
            matches!(refused, Err(SampleError::Counts { expected: 2, got: 1 })),
            "{what}: two items and room for one: {refused:?}"
        );
    }
    assert!(served > 0, "{name}: no context has the target that the law depends on: give one");
    behind_pointers!(dyn NegativeSampler + '_, &*sampler, |pointer: &dyn NegativeSampler, kind: &str| {
        let what = format!("{name} behind {kind}");
        assert_eq!(pointer.n_items(), n_items, "{what}: n_items");
        for cx in &contexts {
            forwarded(pointer, &*sampler, cx, &what);
        }
    });
    if suite.excludes {
        exhaustion(&*sampler, contexts.iter().find_map(|cx| cx.query), name);
    }
}

/// Whether the sampler refuses a context because it has no target. Its log counts must say so; a draw may come from a
/// source that needs none.
fn wants_a_target(sampler: &dyn NegativeSampler, cx: &NegativeContext<'_>, what: &str) -> bool {
    let drawn = sampler.sample_into(cx, &mut SeededRng::new(0), &mut vec![0; cx.n]);
    let counted = sampler.log_expected_counts_into(cx, &[0], &mut [0.0]);
    match (drawn, counted) {
        (Ok(_) | Err(SampleError::MissingTarget), Err(SampleError::MissingTarget)) => {
            assert!(cx.target.is_none(), "{what}: the context has a target, and the sampler misses it");
            true
        }
        (Err(SampleError::MissingTarget), counted) => {
            panic!("{what}: draws need a target, log_expected_counts_into says {counted:?}")
        }
        (Err(error), _) | (_, Err(error)) => {
            panic!("{what}: only SampleError::MissingTarget may refuse a context of the suite, got {error:?}")
        }
        (Ok(_), Ok(())) => false,
    }
}

/// Everything that a sampler says of a context, said by a pointer to it.
fn forwarded(
    pointer: &dyn NegativeSampler,
    sampler: &dyn NegativeSampler,
    cx: &NegativeContext<'_>,
    what: &str,
) {
    let drawn = |s: &dyn NegativeSampler| {
        let (mut rng, mut out) = (SeededRng::stream(8, "testkit forwarding", 0), vec![0; cx.n]);
        s.sample_into(cx, &mut rng, &mut out)
            .map(|count| out[..count.min(cx.n)].to_vec())
            .map_err(|e| format!("{e:?}"))
    };
    assert_eq!(drawn(pointer), drawn(sampler), "{what}: draws of {cx:?}");
    let items: Vec<ItemId> = (0..ItemId::MAX).take(sampler.n_items()).collect();
    let one = |s: &dyn NegativeSampler| -> Vec<u32> {
        items.iter().map(|&item| s.log_expected_count(cx, item).to_bits()).collect()
    };
    assert_eq!(one(pointer), one(sampler), "{what}: log_expected_count of {cx:?}");
    let together = |s: &dyn NegativeSampler| {
        let mut out = vec![0.0; items.len()];
        let said = refusal(s.log_expected_counts_into(cx, &items, &mut out));
        (said, out.iter().map(|log: &f32| log.to_bits()).collect::<Vec<u32>>())
    };
    assert_eq!(together(pointer), together(sampler), "{what}: log_expected_counts_into of {cx:?}");
    let short = |s: &dyn NegativeSampler| refusal(s.log_expected_counts_into(cx, &[0, 0], &mut [0.0]));
    assert_eq!(short(pointer), short(sampler), "{what}: two items and room for one");
}

/// One answer, checked for what holds of all.
fn draw(
    sampler: &dyn NegativeSampler,
    cx: &NegativeContext<'_>,
    rng: &mut SeededRng,
    what: &str,
) -> Vec<ItemId> {
    let mut out = vec![ItemId::MAX; cx.n];
    let count = must(sampler.sample_into(cx, rng, &mut out), what);
    assert!(count <= out.len(), "{what}: {count} draws into a buffer of {}", out.len());
    out.truncate(count);
    for &item in &out {
        assert!((item as usize) < sampler.n_items(), "{what}: item {item} of {}", sampler.n_items());
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test are far below 2⁵³")]
fn law(sampler: &dyn NegativeSampler, cx: &NegativeContext<'_>, suite: &SamplerSuite<'_>, what: &str) {
    let rounds = suite.draws.div_ceil(cx.n.max(1));
    let mut counts = vec![0u64; sampler.n_items()];
    let mut rng = SeededRng::stream(11, "testkit law", 0);
    for _ in 0..rounds {
        for item in draw(sampler, cx, &mut rng, what) {
            counts[item as usize] += 1;
        }
    }
    let items: Vec<ItemId> = (0..ItemId::MAX).take(counts.len()).collect();
    let logs: Vec<f32> = items.iter().map(|&item| sampler.log_expected_count(cx, item)).collect();
    let mut together = vec![0.0; logs.len()];
    must(sampler.log_expected_counts_into(cx, &items, &mut together), what);
    assert_eq!(logs, together, "{what}: log counts one by one and of all items together");
    if let Some(item) = logs.iter().position(|log| log.is_nan() || *log == f32::INFINITY) {
        panic!("{what}: log_expected_count of item {item} is {}", logs[item]);
    }
    if suite.excludes {
        for &item in cx.positives.iter().filter(|&&item| (item as usize) < counts.len()) {
            let (count, log) = (counts[item as usize], logs[item as usize]);
            assert_eq!(count, 0, "{what}: positive item {item} was drawn {count} times");
            assert!(log == f32::NEG_INFINITY, "{what}: positive item {item} has the log count {log}");
        }
    }
    let expected: Vec<f64> = logs.iter().map(|&log| f64::from(log).exp() * rounds as f64).collect();
    let (drawn, sum) = (counts.iter().sum::<u64>() as f64, expected.iter().sum::<f64>());
    // Logs are f32: a part in a million each. A total that varies does so by its square root at most.
    assert!(
        (drawn - sum).abs() <= 6.0 * sum.sqrt() + 1e-5 * sum,
        "{what}: {drawn} draws in {rounds} rounds, the expected counts sum to {sum}"
    );
    let test = chi_square(&counts, &expected);
    if test.rejects(ALPHA) {
        let worst = (0..counts.len())
            .max_by(|&a, &b| {
                let far = |i: usize| (counts[i] as f64 - expected[i]).powi(2) / expected[i].max(1e-9);
                far(a).total_cmp(&far(b))
            })
            .unwrap_or_default();
        panic!(
            "{what}: draws do not follow exp(log_expected_count): {test:?}; item {worst} was drawn {} times, expected {:.1}",
            counts[worst], expected[worst]
        );
    }
}

fn determinism(
    make: &impl Fn() -> Box<dyn NegativeSampler>,
    sampler: &dyn NegativeSampler,
    cx: &NegativeContext<'_>,
    what: &str,
) {
    let block = |sampler: &dyn NegativeSampler, block: u64| -> Vec<ItemId> {
        let mut rng = SeededRng::stream(3, "testkit determinism", block);
        (0..20).flat_map(|_| draw(sampler, cx, &mut rng, what)).collect()
    };
    let expected: Vec<Vec<ItemId>> = (0..30).map(|b| block(sampler, b)).collect();
    let again = make();
    assert!(
        expected == (0..30).map(|b| block(&*again, b)).collect::<Vec<_>>(),
        "{what}: a sampler made the same way draws otherwise from the same seed"
    );
    for t in THREADS {
        let got = threads(t).install(|| (0..30u64).into_par_iter().map(|b| block(sampler, b)).collect());
        let got: Vec<Vec<ItemId>> = must(got, what);
        assert!(got == expected, "{what}: draws on {t} threads differ from those of the same seed before");
    }
}

/// With every item a positive nothing is left; with all but one, that one. A sampler that needs a target gets one of the
/// positives.
fn exhaustion(sampler: &dyn NegativeSampler, query: Option<&[f32]>, name: &str) {
    let all: Vec<ItemId> = (0..ItemId::MAX).take(sampler.n_items()).collect();
    let mut rng = SeededRng::new(5);
    // What was drawn, and whether the log count of an item says that it can be.
    let mut exhausted = |positives: &[ItemId], left: ItemId, what: &str| {
        let cx = NegativeContext { positives, query, n: 4, ..Default::default() };
        let target = positives.first().copied().unwrap_or_default();
        let cx = if wants_a_target(sampler, &cx, what) { cx.target(target) } else { cx };
        let possible = sampler.log_expected_count(&cx, left) > f32::NEG_INFINITY;
        (draw(sampler, &cx, &mut rng, what), possible)
    };
    let (got, _) = exhausted(&all, 0, &format!("{name}: every item is a positive"));
    assert!(got.is_empty(), "{name}: every item is a positive, yet {got:?} were drawn");
    for left in [0, all.len() / 2, all.len() - 1] {
        let mut positives = all.clone();
        let left = positives.remove(left);
        let what = format!("{name}: every item but {left} is a positive");
        let (got, possible) = exhausted(&positives, left, &what);
        assert!(got.iter().all(|&item| item == left), "{what}: drew {got:?}");
        assert_eq!(!got.is_empty(), possible, "{what}: drew {got:?}, its log count says otherwise");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleError;
    use crate::testkit::panics;

    /// Item i with weight i + 1, by walking over the weights.
    #[derive(Clone, Copy)]
    struct Toy {
        excludes: bool,
        fault: Fault,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        UniformLaw,
        CountForOneDraw,
        DrawsBeyond,
    }

    impl Toy {
        fn weight(self, cx: &NegativeContext<'_>, item: ItemId) -> u32 {
            let banned = self.excludes && cx.positives.binary_search(&item).is_ok();
            if banned || item >= 20 { 0 } else { item + 1 }
        }

        fn total(self, cx: &NegativeContext<'_>) -> u32 {
            (0..20).map(|item| self.weight(cx, item)).sum()
        }
    }

    impl NegativeSampler for Toy {
        fn sample_into(
            &self,
            cx: &NegativeContext<'_>,
            rng: &mut SeededRng,
            out: &mut [ItemId],
        ) -> Result<usize, SampleError> {
            let total = self.total(cx);
            if total == 0 {
                return Ok(0);
            }
            for slot in out.iter_mut() {
                let mut left = rng.below(total);
                *slot = (0..20)
                    .find(|&item| {
                        let weight = self.weight(cx, item);
                        let here = left < weight;
                        left = left.saturating_sub(weight);
                        here
                    })
                    .unwrap();
                if self.fault == Fault::DrawsBeyond && *slot == 19 {
                    *slot = 20;
                }
            }
            Ok(out.len())
        }

        fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
            let p = match self.fault {
                Fault::UniformLaw if item < 20 => 1.0 / 20.0,
                _ => self.weight(cx, item) as f32 / self.total(cx) as f32,
            };
            if self.fault == Fault::CountForOneDraw { p.ln() } else { (p * cx.n as f32).ln() }
        }

        fn n_items(&self) -> usize {
            20
        }
    }

    /// The items no farther from the first component of the query than the target is, the target and the positives
    /// aside; equally likely, each once.
    struct Near(Lack);

    /// What is missing and not told.
    #[derive(Clone, Copy, PartialEq)]
    enum Lack {
        Nothing,
        CountsDefault,
        CallsItContext,
        MissesTheTargetThatIsThere,
    }

    impl Near {
        fn pool(&self, cx: &NegativeContext<'_>) -> Result<Vec<ItemId>, SampleError> {
            let target = cx.target.filter(|_| self.0 != Lack::MissesTheTargetThatIsThere);
            let target = target.ok_or(match self.0 {
                Lack::CallsItContext => SampleError::MissingContext { what: "the target" },
                _ => SampleError::MissingTarget,
            })?;
            let query = cx.query.ok_or(SampleError::MissingContext { what: "the query" })?;
            let far = |item: ItemId| (item as f32 - query[0]).abs();
            let near = |&item: &ItemId| far(item) <= far(target) && item != target;
            Ok((0..20).filter(near).filter(|item| cx.positives.binary_search(item).is_err()).collect())
        }
    }

    impl NegativeSampler for Near {
        fn n_items(&self) -> usize {
            20
        }

        fn sample_into(
            &self,
            cx: &NegativeContext<'_>,
            rng: &mut SeededRng,
            out: &mut [ItemId],
        ) -> Result<usize, SampleError> {
            let mut pool = self.pool(cx)?;
            let n = out.len().min(pool.len());
            for slot in &mut out[..n] {
                let at = rng.below(u32::try_from(pool.len()).unwrap()) as usize;
                *slot = pool.swap_remove(at);
            }
            Ok(n)
        }

        fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
            let pool = self.pool(cx).unwrap_or_default();
            if pool.contains(&item) {
                (cx.n as f32 / pool.len() as f32).min(1.0).ln()
            } else {
                f32::NEG_INFINITY
            }
        }

        fn log_expected_counts_into(
            &self,
            cx: &NegativeContext<'_>,
            items: &[ItemId],
            out: &mut [f32],
        ) -> Result<(), SampleError> {
            SampleError::check_counts(items.len(), out.len())?;
            if self.0 != Lack::CountsDefault {
                self.pool(cx)?;
            }
            out.iter_mut().zip(items).for_each(|(out, &item)| *out = self.log_expected_count(cx, item));
            Ok(())
        }
    }

    fn test_near(lack: Lack, query: Option<&[f32]>) {
        let suite = SamplerSuite { query, ..SamplerSuite::new("near").excluding() };
        negative_sampler(|| Box::new(Near(lack)), &suite);
    }

    #[test]
    fn a_sampler_that_needs_a_target_and_a_query_passes() {
        test_near(Lack::Nothing, Some(&[9.0]));
        let suite = SamplerSuite::new("near").with_query(&[3.5]);
        negative_sampler(|| Box::new(Near(Lack::Nothing)), &suite);
    }

    #[test]
    fn only_a_missing_target_is_a_reason_to_leave_a_context_out() {
        let nine: &[f32] = &[9.0];
        for (lack, query, message) in [
            (Lack::Nothing, None, "only SampleError::MissingTarget may refuse"),
            (Lack::CallsItContext, Some(nine), "only SampleError::MissingTarget may refuse"),
            (Lack::CountsDefault, Some(nine), "draws need a target, log_expected_counts_into says Ok"),
            (Lack::MissesTheTargetThatIsThere, Some(nine), "and the sampler misses it"),
        ] {
            let said = panics(|| test_near(lack, query));
            assert!(said.contains(message), "{message}: {said}");
        }
        let targetless =
            SamplerSuite { contexts: vec![NegativeContext::draws(3)], ..SamplerSuite::new("near") };
        let said = panics(|| negative_sampler(|| Box::new(Near(Lack::Nothing)), &targetless));
        assert!(said.contains("no context has the target"), "{said}");
    }

    fn test(excludes: bool, claims: bool, fault: Fault) {
        let suite = SamplerSuite { excludes: claims, ..SamplerSuite::new("toy") };
        negative_sampler(|| Box::new(Toy { excludes, fault }), &suite);
    }

    #[test]
    fn a_correct_sampler_passes() {
        test(false, false, Fault::None);
        test(true, true, Fault::None);
    }

    #[test]
    fn every_fault_is_found() {
        for (claims, fault, message) in [
            (false, Fault::UniformLaw, "do not follow"),
            (false, Fault::CountForOneDraw, "the expected counts sum to"),
            (false, Fault::DrawsBeyond, "item 20 of 20"),
            (true, Fault::None, "positive item 0 was drawn"),
        ] {
            let said = panics(|| test(false, claims, fault));
            assert!(said.contains(message), "{message}: {said}");
        }
    }
}
