//! Made-up keys and values, for benchmarks: the speed at a depth can be measured without reading a long prompt first.

use crate::model::{KvPool, Model, Sequence};
use crate::{Error, ErrorKind, Result};

const SEED: u32 = 1;

/// Made-up tokens must leave room for a real one.
pub(super) fn check_room(model: &Model, tokens: usize) -> Result<()> {
    if tokens < model.context() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ContextOverflow,
        format!("{tokens} made-up tokens leave no room in the context of {}", model.context()),
    ))
}

/// A sequence of `tokens` tokens with the id 0, whose keys and values are uniform in -1..1, always the same. What a model
/// says behind it means nothing.
///
/// # Errors
/// `OutOfMemory` if the KV cache cannot grow.
pub(super) fn sequence(model: &Model, pool: &KvPool, tokens: usize) -> Result<Sequence> {
    let mut sequence = Sequence::in_pool(model, pool, None);
    let kv = sequence.kv_mut();
    kv.reserve(tokens)?;
    let config = model.config();
    let (mut random, mut k, mut v) = (SEED, vec![0.0; config.kv_dim()], vec![0.0; config.kv_dim()]);
    for position in 0..tokens {
        for layer in 0..config.n_layers {
            for value in k.iter_mut().chain(&mut v) {
                // A linear congruential generator (Numerical Recipes): its upper bits are good enough here.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = (random >> 8) as f32 / (1 << 23) as f32 - 1.0;
            }
            kv.store(layer, position, &k, &v);
        }
    }
    sequence.extend(&vec![0; tokens]);
    Ok(sequence)
}
