//! The users whom two runs were asked the same about.

use std::collections::HashMap;

use crate::evaluation::{Evaluation, Side};

/// Which users of two evaluations are the same, with the same to find.
#[derive(Debug)]
pub(crate) struct Pairing<'e> {
    a: &'e Evaluation,
    b: &'e Evaluation,
    /// Places in `a` and in `b`, in the order of `a`.
    pairs: Vec<(usize, usize)>,
}

impl<'e> Pairing<'e> {
    /// Pairs users by what they were asked; a task that comes several times is paired in order. O(users).
    pub(crate) fn of(a: &'e Evaluation, b: &'e Evaluation) -> Self {
        let pairs = if a.tasks == b.tasks {
            (0..a.tasks.len()).map(|user| (user, user)).collect()
        } else {
            let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
            for (place, &task) in b.tasks.iter().enumerate().rev() {
                places.entry(task).or_default().push(place);
            }
            let partner = |(place, task): (usize, &u64)| Some((place, places.get_mut(task)?.pop()?));
            a.tasks.iter().enumerate().filter_map(partner).collect()
        };
        Self { a, b, pairs }
    }

    /// Users in common.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The figures that both have, in the order of the first; none without users in common.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'e str> {
        let some = !self.pairs.is_empty();
        let names = self.a.columns.iter().map(String::as_str);
        names.filter(move |name| some && self.b.column(name).is_some())
    }

    /// The values of a figure on a side of each, user by user.
    pub(crate) fn values(&self, name: &str, of_a: &Side, of_b: &Side) -> Option<(Vec<f64>, Vec<f64>)> {
        let ours = self.a.values(of_a, self.a.column(name)?);
        let theirs = self.b.values(of_b, self.b.column(name)?);
        let pair = |&(a, b): &(usize, usize)| Some((f64::from(*ours.get(a)?), f64::from(*theirs.get(b)?)));
        self.pairs.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(tasks: &[u64], columns: &[&str]) -> Evaluation {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let values = (0..tasks.len() * columns.len()).map(|i| i as f32).collect();
        let method = Side { values, ..Side::default() };
        Evaluation { tasks: tasks.to_vec(), columns, method, ..Evaluation::default() }
    }

    #[test]
    fn users_are_paired_by_what_they_were_asked() {
        let a = evaluation(&[5, 7, 9, 7], &["recall@10", "ndcg@10"]);
        let b = evaluation(&[7, 8, 5, 7], &["ndcg@10", "map@10"]);
        let pairing = Pairing::of(&a, &b);
        assert_eq!(pairing.len(), 3);
        assert_eq!(pairing.columns().collect::<Vec<_>>(), ["ndcg@10"]);
        let (ours, theirs) = pairing.values("ndcg@10", &a.method, &b.method).unwrap();
        assert_eq!((ours, theirs), (vec![4.0, 5.0, 7.0], vec![2.0, 0.0, 3.0]));
        let none = evaluation(&[1], &["ndcg@10"]);
        assert_eq!(Pairing::of(&a, &none).columns().count(), 0);
        assert_eq!(Pairing::of(&a, &a).len(), 4);
    }
}
