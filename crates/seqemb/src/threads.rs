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

/// How often a thread that waits looks for something to do before it sleeps.
const LOOKS: u32 = 1 << 13;

/// What must have ended before a task of a phase begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The phase before.
    All,
    /// Of the phase before, the task itself and the one that follows it; the first follows the last. Task `i` of phase `s` may
    /// then change the `i`-th of some things and the `i + s`-th of others, both counted around.
    Neighbour,
}

/// Does `work(phase, task)` for all tasks of phase 0, which may run at the same time, then of phase 1, and so on; `after` says
/// what the tasks of a phase wait for.
///
/// Tasks may be as short as some microseconds: a thread that waits stays awake for as long. If it waits longer, because another
/// one has lost its processor, it sleeps, so that the other gets it back sooner. A thread begins with the same tasks in each
/// phase, so that what they work on stays near it, and goes on with those that nobody has begun. Nobody waits for a thread
/// that has not come.
pub(crate) fn in_phases(
    phases: usize,
    tasks: usize,
    after: impl Fn(usize) -> After + Sync,
    work: impl Fn(usize, usize) + Sync,
) {
    let threads = rayon::current_num_threads().min(tasks);
    let (phases, members) = (Phases::new(phases, tasks, after), AtomicUsize::new(0));
    let member = || {
        let first = members.fetch_add(1, Ordering::Relaxed) * tasks / threads.max(1);
        while let Some((phase, task)) = phases.next(first) {
            let _end = Ending { phases: &phases, task };
            work(phase, task);
        }
    };
    rayon::scope(|scope| {
        (1..threads).for_each(|_| scope.spawn(|_| member()));
        member();
    });
}

struct Phases<A> {
    phases: usize,
    after: A,
    /// How many phases have begun each task, and how many have ended it.
    begun: Vec<AtomicUsize>,
    ended: Vec<AtomicUsize>,
    asleep: AtomicUsize,
    door: Mutex<()>,
    bell: Condvar,
}

enum Next {
    Task(usize, usize),
    /// What is left waits for others.
    Wait,
    /// All tasks have begun.
    End,
}

impl<A: Fn(usize) -> After> Phases<A> {
    fn new(phases: usize, tasks: usize, after: A) -> Self {
        let counts = || std::iter::repeat_with(AtomicUsize::default).take(tasks).collect();
        let (asleep, door, bell) = (AtomicUsize::new(0), Mutex::new(()), Condvar::new());
        Self { phases, after, begun: counts(), ended: counts(), asleep, door, bell }
    }

    /// Begins a task as soon as one may begin, `first` if there is a choice; none when all have begun.
    fn next(&self, first: usize) -> Option<(usize, usize)> {
        for _ in 0..LOOKS {
            match self.begin(first) {
                Next::Task(phase, task) => return Some((phase, task)),
                Next::Wait => std::hint::spin_loop(),
                Next::End => return None,
            }
        }
        let mut door = lock(&self.door);
        // Either this sees what has ended, or who ends it sees that somebody sleeps and rings, for which it needs the door.
        self.asleep.fetch_add(1, Ordering::SeqCst);
        let next = loop {
            match self.begin(first) {
                Next::Task(phase, task) => break Some((phase, task)),
                Next::Wait => door = self.bell.wait(door).unwrap_or_else(PoisonError::into_inner),
                Next::End => break None,
            }
        };
        self.asleep.fetch_sub(1, Ordering::SeqCst);
        next
    }

    fn begin(&self, first: usize) -> Next {
        let mut all = true;
        for task in (first..self.begun.len()).chain(0..first) {
            let phase = self.begun[task].load(Ordering::SeqCst);
            all &= phase == self.phases;
            if phase < self.phases && self.may_begin(phase, task) && self.claim(phase, task) {
                return Next::Task(phase, task);
            }
        }
        if all { Next::End } else { Next::Wait }
    }

    fn may_begin(&self, phase: usize, task: usize) -> bool {
        let ended = |task: usize| self.ended[task].load(Ordering::SeqCst) >= phase;
        match (self.after)(phase) {
            After::All => (0..self.ended.len()).all(ended),
            After::Neighbour => ended(task) && ended((task + 1) % self.ended.len()),
        }
    }

    fn claim(&self, phase: usize, task: usize) -> bool {
        self.begun[task].compare_exchange(phase, phase + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Counts a task that has ended, even by a panic, so that nobody waits for it.
struct Ending<'a, A> {
    phases: &'a Phases<A>,
    task: usize,
}

impl<A> Drop for Ending<'_, A> {
    fn drop(&mut self) {
        self.phases.ended[self.task].fetch_add(1, Ordering::SeqCst);
        if self.phases.asleep.load(Ordering::SeqCst) > 0 {
            let _door = lock(&self.phases.door);
            self.phases.bell.notify_all();
        }
    }
}

/// A lock, whatever happened to those who held it.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
            let work = |phase: usize, task: usize| {
                // So long that the others sleep.
                if phase.is_multiple_of(20) && task == 2 {
                    std::thread::sleep(std::time::Duration::from_millis(3));
                }
                // What the neighbour did in the phase before is there; nobody is ahead of this phase.
                let next = cells[(task + 1) % 5].load(Ordering::Relaxed);
                assert!(next == phase || next == phase + 1);
                assert_eq!(cells[task].fetch_add(1, Ordering::Relaxed), phase);
            };
            pool.install(|| {
                in_phases(200, 5, |_| After::All, work);
                in_phases(3, 0, |_| After::All, |_, _| unreachable!());
                in_phases(0, 3, |_| After::All, |_, _| unreachable!());
            });
            assert!(cells.iter().all(|cell| cell.load(Ordering::Relaxed) == 200));
        }
    }

    #[test]
    fn neighbours_hand_each_other_what_they_change() {
        const TASKS: usize = 8;
        let after = |phase: usize| if phase.is_multiple_of(50) { After::All } else { After::Neighbour };
        let handed = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let cells = || (0..TASKS as u64).map(Mutex::new).collect::<Vec<_>>();
            let (own, around) = (cells(), cells());
            let work = |phase: usize, task: usize| {
                if phase.is_multiple_of(40) && task == 5 {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                let mut own = own[task].try_lock().expect("nobody else has it");
                let mut other = around[(task + phase) % TASKS].try_lock().expect("nobody else has it");
                *own = own.wrapping_mul(31).wrapping_add(*other);
                *other = other.wrapping_mul(17).wrapping_add(*own);
            };
            pool.install(|| in_phases(400, TASKS, after, work));
            [own, around].map(|cells| cells.iter().map(|cell| *lock(cell)).collect::<Vec<u64>>())
        };
        assert_eq!(handed(1), handed(2));
        assert_eq!(handed(1), handed(7));
    }

    #[test]
    fn a_panic_ends_all_phases() {
        let ends = std::panic::catch_unwind(|| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            pool.install(|| in_phases(9, 4, |_| After::All, |phase, task| assert!((phase, task) != (3, 2))));
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
