use std::error::Error;

use embed_core::{SeededRng, Vocab};
use graphemb::{Graph, GraphOptions};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::regression;

/// The labels of each node.
pub(crate) struct Labels {
    of: Vec<Vec<usize>>,
    n_labels: usize,
}

impl Labels {
    /// Reads lines `node label label …`.
    pub(crate) fn read(path: &str, nodes: &Vocab) -> Result<Self, Box<dyn Error>> {
        let mut of = vec![Vec::new(); nodes.len()];
        for line in std::fs::read_to_string(path)?.lines() {
            let mut words = line.split_whitespace();
            let Some(node) = words.next() else { continue };
            let node = nodes.get(node).ok_or_else(|| format!("{path}: no node {node}"))?;
            of[node as usize] = words.map(str::parse).collect::<Result<_, _>>()?;
        }
        Ok(Self::new(of))
    }

    fn new(of: Vec<Vec<usize>>) -> Self {
        let n_labels = of.iter().flatten().max().map_or(0, |label| label + 1);
        Self { of, n_labels }
    }

    /// Micro- and macro-F1, means over shuffles, with a share of the nodes labelled.
    pub(crate) fn score(&self, vectors: ArrayView2<'_, f32>, share: f64, shuffles: u64) -> (f64, f64) {
        let scores: Vec<(f64, f64)> =
            (0..shuffles).map(|shuffle| self.shuffle(vectors, share, shuffle)).collect();
        let mean = |f: fn(&(f64, f64)) -> f64| scores.iter().map(f).sum::<f64>() / shuffles as f64;
        (mean(|s| s.0), mean(|s| s.1))
    }

    fn shuffle(&self, vectors: ArrayView2<'_, f32>, share: f64, shuffle: u64) -> (f64, f64) {
        let mut order: Vec<usize> = (0..self.of.len()).filter(|&node| !self.of[node].is_empty()).collect();
        SeededRng::stream(0, "classification", shuffle).shuffle(&mut order);
        let (train, test) = order.split_at((share * order.len() as f64) as usize);
        let rows = |nodes: &[usize]| vectors.select(Axis(0), nodes).mapv(f64::from);
        let (known, asked) = (rows(train), rows(test));
        let columns: Vec<Vec<f64>> = (0..self.n_labels)
            .into_par_iter()
            .map(|label| {
                let answers: Vec<bool> = train.iter().map(|&node| self.of[node].contains(&label)).collect();
                if answers.contains(&true) {
                    regression::fit(&known, &answers).scores(&asked)
                } else {
                    vec![f64::MIN; test.len()]
                }
            })
            .collect();
        let scores = Array2::from_shape_fn((test.len(), self.n_labels), |(row, label)| columns[label][row]);
        self.f1(test, &scores)
    }

    /// As many labels as a node has, the best scored ones.
    fn f1(&self, test: &[usize], scores: &Array2<f64>) -> (f64, f64) {
        let mut counts = vec![[0.0f64; 3]; self.n_labels];
        for (&node, row) in test.iter().zip(scores.rows()) {
            let mut ranked: Vec<usize> = (0..self.n_labels).collect();
            ranked.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
            let (predicted, truth) = (&ranked[..self.of[node].len().min(self.n_labels)], &self.of[node]);
            predicted.iter().for_each(|&label| counts[label][usize::from(!truth.contains(&label))] += 1.0);
            truth
                .iter()
                .filter(|label| !predicted.contains(label))
                .for_each(|&label| counts[label][2] += 1.0);
        }
        let f1 = |c: [f64; 3]| if c[0] > 0.0 { 2.0 * c[0] / (2.0 * c[0] + c[1] + c[2]) } else { 0.0 };
        let sum = counts.iter().fold([0.0; 3], |s, c| [s[0] + c[0], s[1] + c[1], s[2] + c[2]]);
        (f1(sum), counts.iter().map(|&c| f1(c)).sum::<f64>() / self.n_labels as f64)
    }
}

/// Four groups of 100 nodes with more edges inside than between; the label of a node is its group.
pub(crate) fn planted() -> Result<(Graph, Labels), Box<dyn Error>> {
    let mut rng = SeededRng::new(1);
    let mut edges = Vec::new();
    for node in 0..400u32 {
        for _ in 0..4 {
            edges.push((node, node / 100 * 100 + rng.below(100)));
            if rng.below(2) == 0 {
                edges.push((node, rng.below(400)));
            }
        }
    }
    let graph = Graph::from_edges(400, edges, &GraphOptions::default())?;
    Ok((graph, Labels::new((0..400).map(|node| vec![node / 100]).collect())))
}
