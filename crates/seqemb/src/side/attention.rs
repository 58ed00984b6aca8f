use std::sync::Arc;

use embed_core::kernel;
use embed_core::kernel::logistic::Lane;
use embed_core::{ItemId, SeededRng};
use ndarray::Array2;

use super::{SideInformation, SideVectors};
use crate::Params;
use crate::batch::Group;
use crate::corpus::Corpus;
use crate::hidden::Hidden;
use crate::places::contexts_of;
use crate::tables::Table;

/// How much an item's own vector and each of its fields count in its vector: a softmax over learned numbers, without
/// the fields in which the item has no value. Within a field the values count alike.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    side: Arc<SideInformation>,
    /// Row of each field's first value in the table.
    firsts: Vec<u32>,
    /// The learned numbers `[n_items, 1 + n_fields]`.
    pub(crate) logits: Vec<f32>,
}

impl Attention {
    #[expect(clippy::cast_possible_truncation, reason = "the number of rows is checked")]
    pub(crate) fn new(side: Arc<SideInformation>) -> Self {
        let mut next = side.n_items() as u32;
        let firsts = side.fields().iter().map(|field| {
            next += field.n_values as u32;
            next - field.n_values as u32
        });
        let firsts = firsts.collect();
        let logits = vec![0.0; side.n_items() * (1 + side.n_fields())];
        Self { side, firsts, logits }
    }

    /// Numbers of an item.
    fn width(&self) -> usize {
        1 + self.firsts.len()
    }

    /// The largest share of a row among all centres, times its weight at the start.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn share(&self, counts: &[u64]) -> f64 {
        let total = counts.iter().sum::<u64>().max(1) as f64;
        let mut most = 0.0f64;
        for (field, info) in self.side.fields().iter().enumerate() {
            let mut sums = vec![0.0; info.n_values];
            for (item, &count) in (0..).zip(counts) {
                let values = self.side.values(item, field);
                let weight = 1.0 / (self.width() * values.len().max(1)) as f64;
                values.iter().for_each(|&value| sums[value as usize] += weight * count as f64);
            }
            most = sums.into_iter().fold(most, f64::max);
        }
        most / total
    }

    /// The rows that an item's vector is made of, with their weights, which sum to 1: its own, then its values field by
    /// field; `field` 0 is the item itself.
    fn for_each_row(&self, item: ItemId, mut show: impl FnMut(usize, u32, f32)) {
        let width = self.width();
        let logits = &self.logits[item as usize * width..][..width];
        let values = |field: usize| self.side.values(item, field);
        let present = |at: usize| at == 0 || !values(at - 1).is_empty();
        let most = (0..width).filter(|&at| present(at)).fold(f32::MIN, |most, at| most.max(logits[at]));
        let weight = |at: usize| if present(at) { (logits[at] - most).exp() } else { 0.0 };
        let total: f32 = (0..width).map(weight).sum();
        show(0, item, weight(0) / total);
        for (field, &first) in self.firsts.iter().enumerate() {
            let values = values(field);
            #[expect(clippy::cast_precision_loss, reason = "an item has few values")]
            let share = weight(field + 1) / total / values.len().max(1) as f32;
            values.iter().for_each(|&value| show(field + 1, first + value, share));
        }
    }

    /// What the numbers of each centre learn from how far its hidden row `H` went by `δ = −rate · ∂L/∂H`:
    /// `∂H/∂a_j = w_j (W_j − H)`, so `a_j` gets `w_j (W_j − H) · δ`. To be called before the hidden rows are settled.
    pub(crate) fn grade(&self, centres: &[ItemId], hidden: &Hidden, lanes: usize, out: &mut Vec<f32>) {
        let width = self.width();
        out.clear();
        out.resize(centres.len() * width, 0.0);
        let (mut went, mut shares) = (vec![Lane::default(); lanes], vec![0.0f32; width]);
        for ((k, &centre), grades) in centres.iter().enumerate().zip(out.chunks_exact_mut(width)) {
            let row = k * lanes..(k + 1) * lanes;
            for (went, (now, before)) in
                went.iter_mut().zip(hidden.rows[row.clone()].iter().zip(&hidden.change[row]))
            {
                *went = Lane(std::array::from_fn(|c| now.0[c] - before.0[c]));
            }
            let mut entries = hidden.entries(k);
            shares.fill(0.0);
            let mut total = 0.0;
            self.for_each_row(centre, |at, _, _| {
                let Some(entry) = entries.next() else { return };
                let vector = &hidden.vectors[hidden.picked[entry] as usize * lanes..][..lanes];
                let weight = hidden.weights[entry];
                let along = weight * kernel::dot(Lane::components(vector), Lane::components(&went));
                grades[at] += along;
                total += along;
                shares[at] += weight;
            });
            for (grade, share) in grades.iter_mut().zip(&shares) {
                *grade -= share * total;
            }
        }
    }

    /// Takes what the numbers of the centres have learned, in their order.
    pub(crate) fn learn(&mut self, centres: &[ItemId], grades: &[f32]) {
        let width = self.width();
        for (&centre, grades) in centres.iter().zip(grades.chunks_exact(width)) {
            let logits = &mut self.logits[centre as usize * width..][..width];
            logits.iter_mut().zip(grades).for_each(|(logit, grade)| *logit += grade);
        }
    }

    /// Every item's vector `[n_items, dim]`, and what it was made of.
    pub(crate) fn finish(&self, table: &Table, dim: usize) -> (Array2<f32>, SideVectors) {
        let n_items = self.side.n_items();
        let mut items = Array2::zeros((n_items, dim));
        let mut weights = Array2::zeros((n_items, self.width()));
        for (item, (mut row, mut weights)) in
            (0u32..).zip(items.rows_mut().into_iter().zip(weights.rows_mut()))
        {
            self.for_each_row(item, |at, from, weight| {
                weights[at] += weight;
                row.iter_mut().zip(table.vector(from)).for_each(|(to, from)| *to += weight * from);
            });
        }
        let fields = self.side.fields().iter().zip(&self.firsts).map(|(field, &first)| {
            let mut rows = Array2::zeros((field.n_values, dim));
            for (value, mut row) in (first..).zip(rows.rows_mut()) {
                row.iter_mut().zip(table.vector(value)).for_each(|(to, from)| *to = *from);
            }
            (field.name.clone(), rows)
        });
        (items, SideVectors { fields: fields.collect(), weights })
    }
}

impl Group {
    /// Skip-gram over side information: for each centre a hidden row, its vector of now, which predicts its contexts.
    pub(crate) fn items_predict_contexts(
        &mut self,
        params: &Params,
        corpus: &Corpus,
        attention: &Attention,
        rng: &mut SeededRng,
    ) {
        let mut sequence = corpus.sequence_at(self.range.start);
        for at in self.range.clone() {
            let start = corpus.advance(&mut sequence, at);
            let items = &corpus.items[start..corpus.ends[sequence]];
            contexts_of(params.window, items, at - start, rng, &mut self.window);
            if self.window.is_empty() {
                continue;
            }
            let hidden = &mut self.hidden;
            attention.for_each_row(corpus.items[at], |_, row, weight| {
                let row = hidden.take(row);
                hidden.push(row, weight);
            });
            hidden.end();
            self.predicted.extend_from_slice(&self.window);
            self.centres.push(corpus.items[at]);
            self.close(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use embed_core::Csr;

    use super::*;

    /// Four items; the last has no colour, the third no value at all.
    fn attention() -> Attention {
        let kind = Csr::from_rows([&[0u32][..], &[1], &[], &[1]]);
        let colour = Csr::from_rows([&[0u32, 2][..], &[2], &[], &[]]);
        let side = SideInformation::new(4).with("kind", 2, kind).unwrap().with("colour", 3, colour).unwrap();
        let mut attention = Attention::new(Arc::new(side));
        let mut rng = SeededRng::new(5);
        attention.logits.iter_mut().for_each(|x| *x = 2.0 * rng.unit_f32() - 1.0);
        attention
    }

    #[test]
    fn weights_are_a_softmax_over_what_an_item_has() {
        let attention = attention();
        let rows = |item| {
            let mut rows = Vec::new();
            attention.for_each_row(item, |at, row, weight| rows.push((at, row, weight)));
            rows
        };
        assert_eq!(rows(2), [(0, 2, 1.0)]);
        let first = rows(0);
        assert_eq!(first.iter().map(|r| (r.0, r.1)).collect::<Vec<_>>(), [(0, 0), (1, 4), (2, 6), (2, 8)]);
        let e: Vec<f32> = attention.logits[..3].iter().map(|x| x.exp()).collect();
        let total: f32 = e.iter().sum();
        for (got, expected) in first.iter().zip([e[0], e[1], e[2] / 2.0, e[2] / 2.0]) {
            assert!((got.2 - expected / total).abs() < 1e-6);
        }
        assert_eq!(rows(3).len(), 2);
    }

    /// With a loss that is linear in the hidden row, `L = g · H`, the slope by finite differences.
    #[test]
    fn what_the_numbers_learn_is_the_slope() {
        let mut attention = attention();
        let (dim, rate) = (5, 0.1f32);
        let mut table = Table::zeros(9, dim).unwrap();
        table.randomize(3);
        let mut rng = SeededRng::new(8);
        let g: Vec<f32> = (0..dim).map(|_| rng.unit_f32() - 0.5).collect();
        let loss = |attention: &Attention, item: u32| {
            let mut loss = 0.0f64;
            attention.for_each_row(item, |_, row, weight| {
                let along: f32 = g.iter().zip(table.vector(row)).map(|(g, x)| g * x).sum();
                loss += f64::from(weight * along);
            });
            loss
        };
        let mut hidden = Hidden::new();
        let items = [0, 1, 2, 3];
        for item in items {
            attention.for_each_row(item, |_, row, weight| {
                let row = hidden.take(row);
                hidden.push(row, weight);
            });
            hidden.end();
        }
        hidden.sum(&table.clone().locked(), 1);
        for row in &mut hidden.rows {
            row.0.iter_mut().zip(&g).for_each(|(x, g)| *x -= rate * g);
        }
        let mut grades = Vec::new();
        attention.grade(&items, &hidden, 1, &mut grades);
        for ((at, grade), item) in grades.iter().enumerate().zip(items.iter().flat_map(|&item| [item; 3])) {
            let h = 1e-2f32;
            let mut moved = |by: f32| {
                attention.logits[at] += by;
                let loss = loss(&attention, item);
                attention.logits[at] -= by;
                loss
            };
            let slope = (moved(h) - moved(-h)) / f64::from(2.0 * h);
            assert!(
                (f64::from(*grade) + f64::from(rate) * slope).abs() < 1e-5,
                "{at}: {grade}, slope {slope}"
            );
        }
        let before = attention.logits.clone();
        attention.learn(&items, &grades);
        assert!((0..12).all(|at| attention.logits[at] == before[at] + grades[at]));
    }
}
