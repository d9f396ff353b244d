//! The README's picture, taken anew with `cargo test --test it -- --ignored readme_picture`.
