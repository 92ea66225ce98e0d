//! The fixture folders in the manner of Hugging Face.

use bitnet_web::checkpoint::{self, Safetensors, Texts};
use bitnet_web::gguf::Header;
use bitnet_web::load::{LoadOptions, LoadedModel, Loader};
use test_harness::files;

/// The folder of the folders.
pub const FOLDER: &str = "tests/fixtures/checkpoints";

/// A folder: its texts, and the files of its weights.
pub struct Checkpoint {
    pub texts: Texts,
    pub files: Vec<Vec<u8>>,
}

impl Checkpoint {
    pub fn read(name: &str) -> Self {
        let folder = format!("{FOLDER}/{name}");
        let names = files::list(&folder);
        let text =
            |file: &str| names.iter().any(|name| name == file).then(|| files::read_text(&format!("{folder}/{file}")));
        let shards = match text(checkpoint::INDEX) {
            Some(index) => checkpoint::shards(&index).unwrap(),
            None => vec![checkpoint::WEIGHTS.to_owned()],
        };
        let modules = text(checkpoint::MODULES);
        let pooling = modules.as_ref().and_then(|modules| checkpoint::pooling_file(modules).unwrap());
        Self {
            texts: Texts {
                name: name.to_owned(),
                config: text(checkpoint::CONFIG).unwrap(),
                tokenizer: text(checkpoint::TOKENIZER).unwrap(),
                tokenizer_config: text(checkpoint::TOKENIZER_CONFIG),
                generation_config: text(checkpoint::GENERATION_CONFIG),
                chat_template: text(checkpoint::CHAT_TEMPLATE),
                modules,
                pooling: pooling.map(|file| files::read_text(&format!("{folder}/{file}"))),
            },
            files: shards.iter().map(|file| files::read(&format!("{folder}/{file}"))).collect(),
        }
    }

    /// The header, and the data behind the files' own headers.
    pub fn header(&self) -> (Header, Vec<&[u8]>) {
        let parse = |file: &Vec<u8>| Safetensors::parse(file, Some(file.len() as u64)).unwrap();
        let (header, spans) = checkpoint::header(self.texts.clone(), self.files.iter().map(parse).collect()).unwrap();
        let data = self.files.iter().zip(spans).map(|(file, span)| &file[span.skip as usize..]);
        (header, data.collect())
    }

    /// Loads it, pushed in pieces of `piece` bytes.
    pub fn load(&self, options: LoadOptions, piece: usize) -> LoadedModel {
        let (header, data) = self.header();
        let mut loader = Loader::with_header(header, options).unwrap();
        for bytes in data.iter().flat_map(|data| data.chunks(piece)) {
            loader.push(bytes).unwrap();
        }
        loader.finish().unwrap()
    }
}
