//! The samplers against the suite of their trait.
#![allow(clippy::unwrap_used, reason = "a test")]

use embed_core::NegativeSampler;
use embed_core::testkit::{SamplerSuite, negative_sampler};
use negsample::{Curriculum, ExcludePositives, LogUniform, Mixture, Popularity, Schedule, Uniform};

fn popularity(alpha: f64) -> Popularity {
    Popularity::new(&(0..60u64).map(|item| item * item + item % 3).collect::<Vec<_>>(), alpha).unwrap()
}

fn plain<S: NegativeSampler + 'static>(name: &str, make: impl Fn() -> S) {
    negative_sampler(|| Box::new(make()), &SamplerSuite::new(name));
}

fn excluding<S: NegativeSampler + 'static>(name: &str, make: impl Fn() -> S) {
    let make = || -> Box<dyn NegativeSampler> { Box::new(ExcludePositives::new(make())) };
    negative_sampler(make, &SamplerSuite::new(name).excluding());
}

#[test]
fn uniform() {
    plain("Uniform", || Uniform::new(50).unwrap());
    excluding("Uniform without positives", || Uniform::new(50).unwrap());
    // Nearly all items are positives: the draws from the complement.
    excluding("Uniform over 9 items without positives", || Uniform::new(9).unwrap());
}

#[test]
fn popularity_law() {
    for alpha in [0.0, 0.75, 1.0, -0.5] {
        plain("Popularity", || popularity(alpha));
        excluding("Popularity without positives", || popularity(alpha));
    }
}

#[test]
fn log_uniform() {
    plain("LogUniform", || LogUniform::new(50).unwrap());
    excluding("LogUniform without positives", || LogUniform::new(50).unwrap());
    let counts: Vec<u64> = (0..60).map(|item| item * 7 % 60).collect();
    plain("LogUniform by counts", || LogUniform::from_counts(&counts).unwrap());
}

#[test]
fn mixture() {
    let make = || Mixture::new(Uniform::new(60).unwrap(), 0.4).unwrap().with(popularity(0.75), 0.6).unwrap();
    plain("Mixture", make);
    excluding("Mixture without positives", make);
}

#[test]
fn curriculum() {
    let schedule = Schedule { warm_up: 0, share: 0.3, ..Schedule::default() };
    let make = || Curriculum::new(Uniform::new(60).unwrap(), popularity(1.0), schedule).unwrap();
    plain("Curriculum", make);
    excluding("Curriculum without positives", make);
}
