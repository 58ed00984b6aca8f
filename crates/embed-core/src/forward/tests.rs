//! Each method of each trait behind each pointer.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ndarray::Array2;

use super::*;

/// Names of the methods that were called on a toy, shared with the toy.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    fn note(&self, method: &'static str) {
        self.0.lock().unwrap().push(method);
    }

    fn taken(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Overrides every method of every trait and notes which one was called; a pointer that does not forward a provided
/// method calls another one of these.
struct Toy(Calls);

impl AnnIndex for Toy {
    fn dim(&self) -> usize {
        self.0.note("dim");
        1
    }

    fn len(&self) -> usize {
        self.0.note("len");
        0
    }

    fn is_empty(&self) -> bool {
        self.0.note("is_empty");
        true
    }

    fn id_bound(&self) -> usize {
        self.0.note("id_bound");
        0
    }

    fn metric(&self) -> Metric {
        self.0.note("metric");
        Metric::L2
    }

    fn space(&self) -> Space {
        self.0.note("space");
        Space::ANY
    }

    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        self.0.note("keys");
        Ok(None)
    }

    fn vector_into(&self, _: ItemId, _: &mut [f32]) -> Result<(), SearchError> {
        self.0.note("vector_into");
        Ok(())
    }

    fn search_into(
        &self,
        _: &[f32],
        _: &SearchRequest<'_>,
        _: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        self.0.note("search_into");
        Ok(())
    }

    fn search(&self, _: &[f32], _: &SearchRequest<'_>) -> Result<Vec<Neighbor>, SearchError> {
        self.0.note("search");
        Ok(Vec::new())
    }

    fn search_batch(
        &self,
        _: ArrayView2<'_, f32>,
        _: &[SearchRequest<'_>],
        _: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        self.0.note("search_batch");
        Ok(Vec::new())
    }

    fn search_by_id(&self, _: ItemId, _: &SearchRequest<'_>) -> Result<Vec<Neighbor>, SearchError> {
        self.0.note("search_by_id");
        Ok(Vec::new())
    }
}

impl AnnIndexMut for Toy {
    fn add(&mut self, _: &[f32]) -> Result<ItemId, ChangeError> {
        self.0.note("add");
        Ok(0)
    }

    fn add_batch(&mut self, _: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
        self.0.note("add_batch");
        Ok(0..0)
    }

    fn upsert(&mut self, _: &str, _: &[f32]) -> Result<ItemId, ChangeError> {
        self.0.note("upsert");
        Ok(0)
    }

    fn update(&mut self, _: ItemId, _: &[f32]) -> Result<(), ChangeError> {
        self.0.note("update");
        Ok(())
    }

    fn remove(&mut self, _: ItemId) -> Result<bool, ChangeError> {
        self.0.note("remove");
        Ok(true)
    }

    fn remove_key(&mut self, _: &str) -> Result<bool, ChangeError> {
        self.0.note("remove_key");
        Ok(true)
    }

    fn compact(&mut self, _: &mut Run<'_>) -> Result<(), ChangeError> {
        self.0.note("compact");
        Ok(())
    }
}

impl Embedder<[f32]> for Toy {
    fn dim(&self) -> usize {
        self.0.note("dim");
        1
    }

    fn space(&self) -> Space {
        self.0.note("space");
        Space::ANY
    }

    fn metric(&self) -> Option<Metric> {
        self.0.note("metric");
        None
    }

    fn keys(&self) -> Option<KeyTable> {
        self.0.note("keys");
        None
    }

    fn embed_into(&self, _: &[f32], _: &mut [f32]) -> Result<(), EmbedError> {
        self.0.note("embed_into");
        Ok(())
    }

    fn embed(&self, _: &[f32]) -> Result<Vec<f32>, EmbedError> {
        self.0.note("embed");
        Ok(Vec::new())
    }

    fn embed_batch_into(
        &self,
        _: &[&[f32]],
        _: Parallelism,
        _: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        self.0.note("embed_batch_into");
        Ok(())
    }
}

impl NegativeSampler for Toy {
    fn n_items(&self) -> usize {
        self.0.note("n_items");
        1
    }

    fn sample_into(
        &self,
        _: &NegativeContext<'_>,
        _: &mut SeededRng,
        _: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        self.0.note("sample_into");
        Ok(0)
    }

    fn log_expected_count(&self, _: &NegativeContext<'_>, _: ItemId) -> f32 {
        self.0.note("log_expected_count");
        0.0
    }

    fn log_expected_counts_into(
        &self,
        _: &NegativeContext<'_>,
        _: &[ItemId],
        _: &mut [f32],
    ) -> Result<(), SampleError> {
        self.0.note("log_expected_counts_into");
        Ok(())
    }
}

impl SequenceSource for Toy {
    fn n_items(&self) -> usize {
        self.0.note("n_items");
        1
    }

    fn size_hint(&self) -> Option<(u64, u64)> {
        self.0.note("size_hint");
        None
    }

    fn for_each_sequence(
        &self,
        _: u32,
        _: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.0.note("for_each_sequence");
        Ok(())
    }
}

impl Scorer<u32> for Toy {
    fn n_items(&self) -> usize {
        self.0.note("n_items");
        1
    }

    fn scores_into(&self, _: &[&u32], _: Range<usize>, _: &mut [f32]) -> Result<(), ScoreError> {
        self.0.note("scores_into");
        Ok(())
    }

    fn items_at_once(&self) -> usize {
        self.0.note("items_at_once");
        1
    }

    fn keys(&self) -> Option<KeyTable> {
        self.0.note("keys");
        None
    }
}

/// The methods that a file declares in a trait.
fn declared<'s>(file: &'s str, name: &str) -> BTreeSet<&'s str> {
    let body = file.split_once(&format!("pub trait {name}")).unwrap().1;
    let body = body.split_once("\n}\n").unwrap().0;
    let methods = body.lines().filter_map(|line| line.strip_prefix("    fn "));
    methods.map(|method| method.split(['(', '<']).next().unwrap()).collect()
}

/// Calls each method, and demands that the toy saw this one call alone and that no method of the trait was left out.
macro_rules! demand_calls {
    ($calls:expr, $pointer:expr, $file:literal, $trait:literal, $($method:ident => $call:expr),* $(,)?) => {
        $(
            let _ = $call;
            assert_eq!($calls.taken(), [stringify!($method)], "{} by {}", stringify!($method), $pointer);
        )*
        let called = BTreeSet::from([$(stringify!($method)),*]);
        assert_eq!(called, declared(include_str!($file), $trait), "methods of {}", $trait);
    };
}

fn index(it: impl AnnIndex, calls: &Calls, pointer: &str) {
    let request = SearchRequest::k(1);
    demand_calls!(calls, pointer, "../index.rs", "AnnIndex",
        dim => it.dim(),
        len => it.len(),
        is_empty => it.is_empty(),
        id_bound => it.id_bound(),
        metric => it.metric(),
        space => it.space(),
        keys => it.keys(),
        vector_into => it.vector_into(0, &mut []),
        search_into => it.search_into(&[], &request, &mut Vec::new()),
        search => it.search(&[], &request),
        search_batch => it.search_batch(Array2::zeros((1, 1)).view(), &[request], Parallelism::All),
        search_by_id => it.search_by_id(0, &request),
    );
}

fn index_mut(mut it: impl AnnIndexMut, calls: &Calls, pointer: &str) {
    demand_calls!(calls, pointer, "../change.rs", "AnnIndexMut",
        add => it.add(&[]),
        add_batch => it.add_batch(Array2::zeros((1, 1)).view()),
        upsert => it.upsert("", &[]),
        update => it.update(0, &[]),
        remove => it.remove(0),
        remove_key => it.remove_key(""),
        compact => it.compact(&mut Run::default()),
    );
}

fn embedder(it: impl Embedder<[f32]>, calls: &Calls, pointer: &str) {
    demand_calls!(calls, pointer, "../embedder.rs", "Embedder",
        dim => it.dim(),
        space => it.space(),
        metric => it.metric(),
        keys => it.keys(),
        embed_into => it.embed_into(&[], &mut []),
        embed => it.embed(&[]),
        embed_batch_into => it.embed_batch_into(&[], Parallelism::All, Array2::zeros((0, 1)).view_mut()),
    );
}

fn sampler(it: impl NegativeSampler, calls: &Calls, pointer: &str) {
    let cx = NegativeContext::draws(1);
    demand_calls!(calls, pointer, "../sampler.rs", "NegativeSampler",
        n_items => it.n_items(),
        sample_into => it.sample_into(&cx, &mut SeededRng::new(1), &mut []),
        log_expected_count => it.log_expected_count(&cx, 0),
        log_expected_counts_into => it.log_expected_counts_into(&cx, &[], &mut []),
    );
}

fn source(it: impl SequenceSource, calls: &Calls, pointer: &str) {
    demand_calls!(calls, pointer, "../sequences.rs", "SequenceSource",
        n_items => it.n_items(),
        size_hint => it.size_hint(),
        for_each_sequence => it.for_each_sequence(0, &mut |_| ControlFlow::Continue(())),
    );
}

fn scorer(it: impl Scorer<u32>, calls: &Calls, pointer: &str) {
    demand_calls!(calls, pointer, "../scorer.rs", "Scorer",
        n_items => it.n_items(),
        scores_into => it.scores_into(&[], 0..1, &mut []),
        items_at_once => it.items_at_once(),
        keys => it.keys(),
    );
}

/// Hands the toy to a function behind each pointer that only reads.
macro_rules! by_shared_pointers {
    ($demand:ident, $dyn:ty) => {
        let calls = Calls::default();
        let toy = || Toy(calls.clone());
        $demand(toy(), &calls, "itself");
        $demand(&toy(), &calls, "&T");
        $demand(&toy() as &$dyn, &calls, "&dyn");
        $demand(Box::new(toy()), &calls, "Box<T>");
        $demand(Box::new(toy()) as Box<$dyn>, &calls, "Box<dyn>");
        $demand(Arc::new(toy()), &calls, "Arc<T>");
        $demand(Arc::new(toy()) as Arc<$dyn>, &calls, "Arc<dyn>");
        $demand(Arc::new(Box::new(toy()) as Box<$dyn>), &calls, "Arc<Box<dyn>>");
        $demand(Arc::new(Box::new(toy()) as Box<$dyn>) as Arc<$dyn>, &calls, "Arc<dyn> of Box<dyn>");
    };
}

#[test]
fn every_method_is_forwarded_by_every_pointer_that_reads() {
    by_shared_pointers!(index, dyn AnnIndex);
    by_shared_pointers!(embedder, dyn Embedder<[f32]>);
    by_shared_pointers!(sampler, dyn NegativeSampler);
    by_shared_pointers!(source, dyn SequenceSource);
    by_shared_pointers!(scorer, dyn Scorer<u32>);
}

#[test]
#[expect(clippy::needless_borrows_for_generic_args, reason = "the borrow is what is tested")]
fn every_method_is_forwarded_by_every_pointer_that_changes() {
    let calls = Calls::default();
    let toy = || Toy(calls.clone());
    index(&mut toy(), &calls, "&mut T");
    index(&mut toy() as &mut dyn AnnIndex, &calls, "&mut dyn");
    sampler(&mut toy(), &calls, "&mut T");
    sampler(&mut toy() as &mut dyn NegativeSampler, &calls, "&mut dyn");
    // What changes is an index too.
    index(&mut toy() as &mut dyn AnnIndexMut, &calls, "&mut dyn AnnIndexMut");
    index(Box::new(toy()) as Box<dyn AnnIndexMut>, &calls, "Box<dyn AnnIndexMut>");
    index_mut(toy(), &calls, "itself");
    index_mut(&mut toy(), &calls, "&mut T");
    index_mut(&mut toy() as &mut dyn AnnIndexMut, &calls, "&mut dyn");
    index_mut(Box::new(toy()), &calls, "Box<T>");
    index_mut(Box::new(toy()) as Box<dyn AnnIndexMut>, &calls, "Box<dyn>");
    index_mut(&mut (Box::new(toy()) as Box<dyn AnnIndexMut>), &calls, "&mut Box<dyn>");
}
