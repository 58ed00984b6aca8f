use std::num::NonZeroUsize;

/// How a piece of work is run: from which seed, on how many threads, and who watches.
///
/// ```
/// use embed_core::{Flow, Progress, Run};
///
/// let mut watch = |p: &Progress<'_>| {
///     eprintln!("{} {}/{:?}", p.stage, p.done, p.total);
///     Flow::Continue
/// };
/// let mut run = Run::seeded(7).threads(2).observed(&mut watch);
/// assert!(run.report(&Progress::new("train", 0, 10)).goes_on());
/// ```
#[derive(Default)]
pub struct Run<'o> {
    /// Same seed, same result.
    pub seed: u64,
    /// The number of threads never changes a result.
    pub parallelism: Parallelism,
    observer: Option<&'o mut dyn Observer>,
}

impl<'o> Run<'o> {
    /// A run from `seed`, on all cores, unobserved.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The same on `n` threads; 0 means all cores.
    #[must_use]
    pub fn threads(self, n: usize) -> Self {
        self.on(NonZeroUsize::new(n).map_or(Parallelism::All, Parallelism::Threads))
    }

    /// The same with another parallelism.
    #[must_use]
    pub fn on(self, parallelism: Parallelism) -> Self {
        Self { parallelism, ..self }
    }

    /// The same, watched by `observer`.
    #[must_use]
    pub fn observed(self, observer: &'o mut dyn Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Tells the observer how far the work is; its answer says whether to go on.
    pub fn report(&mut self, progress: &Progress<'_>) -> Flow {
        self.observer.as_mut().map_or(Flow::Continue, |observer| observer.observe(progress))
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("seed", &self.seed)
            .field("parallelism", &self.parallelism)
            .field("observed", &self.observer.is_some())
            .finish()
    }
}

/// How many threads work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parallelism {
    /// As many as rayon's current pool has: all cores, unless the caller installed another pool.
    #[default]
    All,
    /// One.
    Sequential,
    /// So many: those of rayon's current pool when it has as many, else a pool of their own, which is started
    /// and ended with the work.
    Threads(NonZeroUsize),
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads")]
pub struct ParallelismError {
    /// How many were asked for.
    pub threads: usize,
    /// What the pool said.
    pub source: rayon::ThreadPoolBuildError,
}

impl Parallelism {
    /// Most threads that can be asked for.
    pub const MAX_THREADS: usize = 1024;

    /// Runs `work` with this many threads behind rayon's parallel iterators.
    ///
    /// # Errors
    /// [`ParallelismError`] when the threads cannot be started; more than [`Self::MAX_THREADS`] are cut to it.
    pub fn install<R: Send>(self, work: impl FnOnce() -> R + Send) -> Result<R, ParallelismError> {
        let threads = match self {
            Self::All => return Ok(work()),
            Self::Sequential => 1,
            Self::Threads(n) => n.get().min(Self::MAX_THREADS),
        };
        if rayon::current_num_threads() == threads {
            return Ok(work());
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(pool.map_err(|source| ParallelismError { threads, source })?.install(work))
    }

    /// How many threads that is.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::All => rayon::current_num_threads(),
            Self::Sequential => 1,
            Self::Threads(n) => n.get().min(Self::MAX_THREADS),
        }
    }
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What is being done, in a word or two.
    pub stage: &'a str,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 when that is not known.
    pub total: u64,
    /// What the units are, in the plural.
    pub unit: &'a str,
    /// Mean loss since the last report, where there is one.
    pub loss: Option<f64>,
}

impl<'a> Progress<'a> {
    /// `done` of `total` steps of `stage`.
    #[must_use]
    pub fn new(stage: &'a str, done: u64, total: u64) -> Self {
        Self { stage, done, total, unit: "steps", loss: None }
    }

    /// The same, counted in `unit`.
    #[must_use]
    pub fn unit(self, unit: &'a str) -> Self {
        Self { unit, ..self }
    }

    /// The same with a loss.
    #[must_use]
    pub fn loss(self, loss: f64) -> Self {
        Self { loss: Some(loss), ..self }
    }
}

/// Whether work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop soon. A trainer keeps what it has and says that it was stopped; work whose half is worth nothing
    /// (an index) ends in an error that says so.
    Stop,
}

impl Flow {
    /// Whether work goes on.
    #[must_use]
    pub fn goes_on(self) -> bool {
        self == Self::Continue
    }
}

/// Watches a run: draws its progress, stops it early, cancels it. Any `FnMut(&Progress) -> Flow` is one.
pub trait Observer: Send {
    /// Called at a moderate rate (some times a second of work at most) from the thread that started the run.
    fn observe(&mut self, progress: &Progress<'_>) -> Flow;
}

impl<F: FnMut(&Progress<'_>) -> Flow + Send> Observer for F {
    fn observe(&mut self, progress: &Progress<'_>) -> Flow {
        self(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn work_runs_on_the_threads_asked_for() {
        for (parallelism, n) in [
            (Parallelism::Sequential, 1),
            (Parallelism::Threads(NonZeroUsize::new(3).unwrap()), 3),
            (Parallelism::All, rayon::current_num_threads()),
        ] {
            assert_eq!(parallelism.install(rayon::current_num_threads).unwrap(), n);
            assert_eq!(parallelism.count(), n);
        }
    }

    #[test]
    fn a_pool_that_fits_is_used_and_another_is_made_within_it() {
        let three = Parallelism::Threads(NonZeroUsize::new(3).unwrap());
        let nested = three.install(|| {
            let here = std::thread::current().id();
            let same = three.install(|| std::thread::current().id() == here).unwrap();
            let one = Parallelism::Sequential
                .install(|| (0..100).into_par_iter().map(|_| rayon::current_num_threads()).max().unwrap());
            (same, one.unwrap(), rayon::current_num_threads())
        });
        assert_eq!(nested.unwrap(), (true, 1, 3));
    }

    #[test]
    fn an_observer_can_stop_a_run() {
        let mut calls = 0;
        let mut stop_at_two = |_: &Progress<'_>| {
            calls += 1;
            if calls == 2 { Flow::Stop } else { Flow::Continue }
        };
        let mut run = Run::seeded(1).observed(&mut stop_at_two);
        let steps = (0..10).take_while(|&i| run.report(&Progress::new("work", i, 10)).goes_on()).count();
        assert_eq!((steps, calls), (1, 2));
    }
}
