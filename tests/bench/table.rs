//! The table that benchmarks print.

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | measured | ratio | bound |\n|---|---|---|---|");
}

/// Prints one row of the table.
pub(crate) fn row(what: &str, measured: &str, ratio: f64, bound: &str) {
    println!("| {what} | {measured} | {ratio:.2} | {bound} |");
}

/// Returns the median.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
