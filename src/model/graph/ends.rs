//! What every family has before its first layer and behind its last one.

use crate::Result;

use super::super::config::Config;
use super::super::plan::{RowsId, Tensors, VectorId};

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Ends {
    pub embedding: RowsId,
    pub output_norm: VectorId,
    /// The embedding, where the file has no head.
    pub head: RowsId,
}

impl Ends {
    pub fn find(config: &Config, file: &mut Tensors<'_>) -> Result<Self> {
        let shape = [config.vocab_size, config.dim];
        let embedding = file.rows("token_embd", shape)?;
        let head = file.optional_rows("output", shape)?.unwrap_or(embedding);
        Ok(Self { embedding, output_norm: file.vector("output_norm", config.dim)?, head })
    }
}
