//! Norms and gates.

/// x
pub fn rmsnorm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let mut lanes = [0.0_f32; 8];
    for (i, v) in x.iter().enumerate() {
        lanes[i % 8] += v * v;
    }
    let mean = lanes.iter().sum::<f32>() / x.len() as f32;
    let r = 1.0 / (mean + eps).sqrt();
    for ((o, v), w) in out.iter_mut().zip(x).zip(weight) {
        *o = v * r * w;
    }
}

/// x
pub fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// x
pub fn relu2_gate(g: &mut [f32], u: &[f32]) {
    g.iter_mut().zip(u).for_each(|(g, u)| {
        let r = g.max(0.0);
        *g = r * r * u;
    });
}

/// x
pub fn silu_gate(g: &mut [f32], u: &[f32]) {
    g.iter_mut().zip(u).for_each(|(g, u)| *g = *g / (1.0 + libm::expf(-*g)) * u);
}
