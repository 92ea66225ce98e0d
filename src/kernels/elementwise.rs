//! Norms, gates and sums over f32 vectors, in one fixed lane order: no intrinsics, yet the same bits everywhere, because
//! the order of every addition is written out and Rust never fuses or reorders.

use super::exp::exp;
use super::vector::dot;

/// `x = x / sqrt(mean(x^2) + eps) * weight`; both of one length.
pub fn rmsnorm(x: &mut [f32], weight: &[f32], eps: f32) {
    let mean = dot(x, x) / x.len() as f32;
    let factor = 1.0 / (mean + eps).sqrt();
    for (x, weight) in x.iter_mut().zip(weight) {
        *x = *x * factor * weight;
    }
}

/// `x += y`
pub fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// `gate = max(gate, 0)^2 * up`
pub fn relu2_gate(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        let positive = if *gate > 0.0 { *gate } else { 0.0 };
        *gate = positive * positive * up;
    }
}

/// `gate = gate / (1 + e^-gate) * up`
pub fn silu_gate(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
    }
}

/// `gate = gate * Phi(gate) * up`, with the normal distribution `Phi` by way of a hyperbolic tangent (arXiv:1606.08415):
/// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, which is `x / (1 + e^(-2 sqrt(2 / pi) (x + 0.044715 x^3)))`.
pub fn gelu_gate(gate: &mut [f32], up: &[f32]) {
    /// `2 sqrt(2 / pi)`
    const SLOPE: f32 = 1.595_769_2;
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = *gate;
        *gate = x / (1.0 + exp(-SLOPE * (x + 0.044_715 * x * x * x))) * up;
    }
}

/// `x *= factor`
pub fn scale(x: &mut [f32], factor: f32) {
    x.iter_mut().for_each(|x| *x *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_by_hand() {
        let mut x = [3.0, 4.0];
        rmsnorm(&mut x, &[1.0, 2.0], 0.0);
        let rms = 12.5_f32.sqrt();
        assert!((x[0] - 3.0 / rms).abs() < 1e-6 && (x[1] - 8.0 / rms).abs() < 1e-6);
    }

    #[test]
    fn gates_by_hand() {
        let mut gate = [-1.0, 3.0];
        relu2_gate(&mut gate, &[5.0, 2.0]);
        assert_eq!(gate, [0.0, 18.0]);
        let mut gate = [0.0, 100.0, -100.0];
        silu_gate(&mut gate, &[5.0, 2.0, 1.0]);
        assert_eq!(gate[..2], [0.0, 200.0]);
        assert!(gate[2].abs() < 1e-30);
        // Of torch's `gelu(x, approximate="tanh")`.
        let mut gate = [-3.0, -0.5, 0.0, 1.0, 40.0, -40.0];
        gelu_gate(&mut gate, &[1.0, 1.0, 1.0, 2.0, 1.0, 1.0]);
        let want = [-0.003_637_39, -0.154_285_97, 0.0, 1.682_384, 40.0, 0.0];
        assert!(gate.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6), "{gate:?}");
    }
}
