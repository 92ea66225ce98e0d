//! From logits to a token: sampler chain, penalties, seedable random numbers.
