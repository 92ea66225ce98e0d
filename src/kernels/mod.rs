//! The hot loops. The only place, with the pool, that holds intrinsics and `unsafe`.
