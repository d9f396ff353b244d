//! All benchmarks: `cargo bench` prints one table of ratios.

mod decode;

fn main() {
    decode::run();
}
