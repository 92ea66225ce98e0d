//! stub
use crate::Result;
/// x
#[derive(Clone, Debug, Default)]
pub struct SamplerOptions;
/// x
#[derive(Debug)]
pub struct Sampler;
impl Sampler {
    /// x
    pub fn new(_o: SamplerOptions, _p: &[u32]) -> Result<Self> {
        Ok(Self)
    }
    /// x
    pub fn sample(&mut self, l: &mut [f32]) -> Result<u32> {
        Ok(l.iter().enumerate().fold(0, |b, (i, v)| if *v > l[b] { i } else { b }) as u32)
    }
}
/// x
#[derive(Debug)]
pub struct StopMatcher;
/// x
pub struct Found {
    /// x
    pub text: String,
    /// x
    pub matched: bool,
}
impl StopMatcher {
    /// x
    pub fn new(_s: Vec<String>) -> Result<Self> {
        Ok(Self)
    }
    /// x
    pub fn push(&mut self, t: &str) -> Found {
        Found { text: t.into(), matched: false }
    }
    /// x
    pub fn clear(&mut self) {}
    /// x
    pub fn finish(&mut self) -> String {
        String::new()
    }
}
