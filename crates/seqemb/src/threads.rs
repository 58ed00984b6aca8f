use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
                    let next = lock(&queue).pop();
                    let Some((at, task)) = next else { break };
                    let answer = work(task);
                    lock(&done).push((at, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// How often a thread that waits for a phase looks before it sleeps.
const LOOKS: u32 = 1 << 11;

/// Does `work(phase, task)` for all tasks of phase 0, which may run at the same time, then of phase 1, and so on.
///
/// Phases may be as short as some microseconds: threads stay awake for as long in between. One that waits longer, because
/// another has lost its processor, sleeps, so that the other gets it back sooner. A thread begins with the same tasks in
/// each phase, so that what they work on stays near it, and goes on with those that nobody has begun. Nobody waits for a
/// thread that has not come.
pub(crate) fn in_phases(phases: usize, tasks: usize, work: impl Fn(usize, usize) + Sync) {
    let threads = rayon::current_num_threads().min(tasks);
    // How many phases have begun each task.
    let begun: Vec<AtomicUsize> = std::iter::repeat_with(AtomicUsize::default).take(tasks).collect();
    let (ended, members) = (Ended::default(), AtomicUsize::new(0));
    let member = || {
        let first = members.fetch_add(1, Ordering::Relaxed) * tasks / threads.max(1);
        for phase in 0..phases {
            for task in (first..tasks).chain(0..first) {
                let claim =
                    begun[task].compare_exchange(phase, phase + 1, Ordering::Relaxed, Ordering::Relaxed);
                if claim.is_ok() {
                    let _end = Ending { ended: &ended, tasks };
                    work(phase, task);
                }
            }
            ended.wait((phase + 1) * tasks);
        }
    };
    rayon::scope(|scope| {
        (1..threads).for_each(|_| scope.spawn(|_| member()));
        member();
    });
}

/// How many tasks of all phases have ended.
#[derive(Default)]
struct Ended {
    tasks: AtomicUsize,
    asleep: AtomicUsize,
    door: Mutex<()>,
    bell: Condvar,
}

impl Ended {
    fn wait(&self, tasks: usize) {
        for _ in 0..LOOKS {
            if self.tasks.load(Ordering::Acquire) >= tasks {
                return;
            }
            std::hint::spin_loop();
        }
        let mut door = lock(&self.door);
        // Either this sees the last task, or who ends it sees that somebody sleeps and rings, for which it needs the door.
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while self.tasks.load(Ordering::SeqCst) < tasks {
            door = self.bell.wait(door).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a task that has ended, even by a panic, so that nobody waits for it.
struct Ending<'a> {
    ended: &'a Ended,
    /// Tasks of a phase.
    tasks: usize,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let ended = self.ended.tasks.fetch_add(1, Ordering::SeqCst) + 1;
        if ended.is_multiple_of(self.tasks) && self.ended.asleep.load(Ordering::SeqCst) > 0 {
            let _door = lock(&self.ended.door);
            self.ended.bell.notify_all();
        }
    }
}

/// A lock, whatever happened to those who held it.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock to read, whatever happened to those who held it.
pub(crate) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// A lock to write, whatever happened to those who held it.
pub(crate) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other_and_every_task_is_done_once() {
        for threads in [1, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let cells: Vec<AtomicUsize> = std::iter::repeat_with(AtomicUsize::default).take(5).collect();
            pool.install(|| {
                in_phases(200, 5, |phase, task| {
                    // So long that the others sleep.
                    if phase % 20 == 0 && task == 2 {
                        std::thread::sleep(std::time::Duration::from_millis(3));
                    }
                    // What the neighbour did in the phase before is there; nobody is ahead of this phase.
                    let next = cells[(task + 1) % 5].load(Ordering::Relaxed);
                    assert!(next == phase || next == phase + 1);
                    assert_eq!(cells[task].fetch_add(1, Ordering::Relaxed), phase);
                });
                in_phases(3, 0, |_, _| unreachable!());
                in_phases(0, 3, |_, _| unreachable!());
            });
            assert!(cells.iter().all(|cell| cell.load(Ordering::Relaxed) == 200));
        }
    }

    #[test]
    fn a_panic_ends_all_phases() {
        let ends = std::panic::catch_unwind(|| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            pool.install(|| in_phases(9, 4, |phase, task| assert!((phase, task) != (3, 2))));
        });
        assert!(ends.is_err());
    }

    #[test]
    fn answers_are_in_the_order_of_the_tasks() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let answers = pool.install(|| largest_first((0..20).collect(), |n| n * 7 % 5, |n| n * n));
        assert_eq!(answers, (0..20).map(|n| n * n).collect::<Vec<usize>>());
        assert!(largest_first(Vec::<usize>::new(), |n| *n, |n| n).is_empty());
    }
}
