//! A model file on disk, loaded as a browser does it: in pieces, from first byte to last.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use bitnet_web::generate::Engine;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::pool::Pool;
use sha2::{Digest, Sha256};

use crate::Outcome;

/// Bytes read at once.
const CHUNK: usize = 4 << 20;

/// The options of a load from the command line.
#[derive(Clone, Debug)]
pub struct Options {
    pub precision: Precision,
    pub threads: usize,
    /// Tokens; the model's own context if `None`.
    pub context: Option<usize>,
    pub chat_template: Option<String>,
}

/// A loaded file.
pub struct ModelFile {
    pub engine: Engine,
    /// Bytes.
    pub length: u64,
    pub sha256: String,
    pub load_seconds: f64,
}

/// Reads and loads `path`.
pub fn load(path: &Path, options: &Options) -> Outcome<ModelFile> {
    let start = Instant::now();
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let length = file.metadata()?.len();
    let mut load = LoadOptions::new(Kernel::SCALAR);
    load.precision = options.precision;
    load.context = options.context;
    load.chat_template = options.chat_template.clone();
    load.file_bytes = Some(length);
    let mut loader = Loader::new(load);
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        digest.update(&chunk[..count]);
        loader.push(&chunk[..count])?;
    }
    let engine = Engine::new(loader.finish()?, Pool::new(options.threads));
    let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ModelFile { engine, length, sha256, load_seconds: start.elapsed().as_secs_f64() })
}
