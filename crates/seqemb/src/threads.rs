use std::sync::Mutex;
use std::sync::PoisonError;

use embed_core::{Parallelism, ParallelismError};

/// The threads of a training, started once.
pub(crate) enum Threads {
    Current,
    Own(rayon::ThreadPool),
}

impl Threads {
    pub(crate) fn start(parallelism: Parallelism) -> Result<Self, ParallelismError> {
        if parallelism == Parallelism::All {
            return Ok(Self::Current);
        }
        let threads = parallelism.count();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Self::Own(pool.map_err(|source| ParallelismError { threads, source })?))
    }

    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Self::Current => work(),
            Self::Own(pool) => pool.install(work),
        }
    }
}

/// Does tasks that may run at the same time, the largest first, so that threads end together; answers are in the order of
/// the tasks.
pub(crate) fn largest_first<T: Send, R: Send>(
    tasks: Vec<T>,
    size: impl Fn(&T) -> usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = rayon::current_num_threads().min(tasks.len());
    if threads < 2 {
        return tasks.into_iter().map(work).collect();
    }
    let mut queue: Vec<(usize, T)> = tasks.into_iter().enumerate().collect();
    queue.sort_by_key(|(_, task)| size(task));
    let (queue, done) = (Mutex::new(queue), Mutex::new(Vec::new()));
    rayon::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some((at, task)) = next else { break };
                    let answer = work(task);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_the_order_of_the_tasks() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let answers = pool.install(|| largest_first((0..20).collect(), |n| n * 7 % 5, |n| n * n));
        assert_eq!(answers, (0..20).map(|n| n * n).collect::<Vec<usize>>());
        assert!(largest_first(Vec::<usize>::new(), |n| *n, |n| n).is_empty());
    }
}
