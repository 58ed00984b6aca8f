//! The suite of [`NegativeSampler`].

use rayon::prelude::*;

use super::{THREADS, chi_square, must, threads};
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
        Self { name, contexts, excludes: false, draws: 100_000 }
    }

    /// The same for a sampler that claims to exclude positives.
    #[must_use]
    pub fn excluding(self) -> Self {
        Self { excludes: true, ..self }
    }
}

/// Tests a sampler: ids in range, the same draws from the same seed on 1, 2 and 7 threads, the law of the draws
/// against `exp(log_expected_count)` by chi-square, exclusion where it is claimed, short counts when nothing is
/// left, `-inf` for items that do not exist.
///
/// # Panics
/// When the sampler breaks the contract; the message says how.
pub fn negative_sampler(make: impl Fn() -> Box<dyn NegativeSampler>, suite: &SamplerSuite<'_>) {
    let sampler = make();
    let name = suite.name;
    assert!(sampler.n_items() > 0, "{name}: n_items is 0");
    let mut served = 0;
    for (number, cx) in suite.contexts.iter().enumerate() {
        let what = format!("{name}, context {number} ({} positives, n = {})", cx.positives.len(), cx.n);
        if cx.target.is_none() && wants_a_target(&*sampler, cx) {
            continue;
        }
        served += 1;
        law(&*sampler, cx, suite, &what);
        determinism(&make, &*sampler, cx, &what);
        let beyond = ItemId::try_from(sampler.n_items()).unwrap_or(ItemId::MAX);
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
    if suite.excludes {
        exhaustion(&*sampler, name);
    }
}

/// Whether the sampler refuses a context because it has no target.
fn wants_a_target(sampler: &dyn NegativeSampler, cx: &NegativeContext<'_>) -> bool {
    let mut out = vec![0; cx.n];
    matches!(sampler.sample_into(cx, &mut SeededRng::new(0), &mut out), Err(SampleError::MissingTarget))
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

/// With every item a positive nothing is left; with all but one, that one.
fn exhaustion(sampler: &dyn NegativeSampler, name: &str) {
    let all: Vec<ItemId> = (0..ItemId::MAX).take(sampler.n_items()).collect();
    let mut rng = SeededRng::new(5);
    let cx = NegativeContext { positives: &all, n: 4, ..Default::default() };
    let got = draw(sampler, &cx, &mut rng, &format!("{name}: every item is a positive"));
    assert!(got.is_empty(), "{name}: every item is a positive, yet {got:?} were drawn");
    for left in [0, all.len() / 2, all.len() - 1] {
        let mut positives = all.clone();
        let left = positives.remove(left);
        let cx = NegativeContext { positives: &positives, n: 4, ..Default::default() };
        let what = format!("{name}: every item but {left} is a positive");
        let got = draw(sampler, &cx, &mut rng, &what);
        assert!(got.iter().all(|&item| item == left), "{what}: drew {got:?}");
        let possible = sampler.log_expected_count(&cx, left) > f32::NEG_INFINITY;
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
