use std::error::Error;

use graphemb::NodeParams;
use seqemb::{Objective, Window};

/// What the command line asks for.
pub(crate) struct Settings {
    pub(crate) files: Option<(String, String)>,
    pub(crate) params: NodeParams,
    pub(crate) shares: Vec<f64>,
    pub(crate) shuffles: u64,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) out: Option<String>,
}

impl Settings {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut files, mut pairs) = (Vec::new(), Vec::new());
        for argument in arguments {
            match argument.split_once('=') {
                Some((name, value)) => pairs.push((name.to_owned(), value.to_owned())),
                None => files.push(argument),
            }
        }
        let method = pairs.iter().find(|(name, _)| name == "method").map_or("deepwalk", |(_, value)| value);
        let mut params = match method {
            "deepwalk" => NodeParams::deepwalk(),
            "node2vec" => NodeParams::node2vec(0.25, 0.25),
            other => return Err(format!("no method {other}").into()),
        };
        let mut settings = Self {
            files: files.first().cloned().zip(files.get(1).cloned()),
            params: params.clone(),
            shares: vec![0.5],
            shuffles: 10,
            seed: 1,
            threads: 0,
            out: None,
        };
        for (name, value) in &pairs {
            match name.as_str() {
                "method" => {}
                "p" => params.walks.p = value.parse()?,
                "q" => params.walks.q = value.parse()?,
                "walks" => params.walks.walks = value.parse()?,
                "length" => params.walks.length = value.parse()?,
                "window" => params.train.window = Window::Sliding { size: value.parse()?, dynamic: true },
                "passes" => params.train.epochs = value.parse()?,
                "dim" => params.train.dim = value.parse()?,
                "rate" => params.train.rate = value.parse()?,
                "negatives" => params.train.negatives = value.parse()?,
                "exponent" => params.train.exponent = value.parse()?,
                "loss" if value == "ns" => params.train.objective = Objective::NegativeSampling,
                "loss" if value == "hs" => params.train.objective = Objective::HierarchicalSoftmax,
                "share" => {
                    let shares: Result<Vec<f64>, _> =
                        value.split(',').map(|s| s.parse().map(|p: f64| p / 100.0)).collect();
                    settings.shares = shares?;
                }
                "shuffles" => settings.shuffles = value.parse()?,
                "seed" => settings.seed = value.parse()?,
                "threads" => settings.threads = value.parse()?,
                "out" => settings.out = Some(value.clone()),
                _ => return Err(format!("no setting {name}={value}").into()),
            }
        }
        settings.params = params;
        Ok(settings)
    }
}
