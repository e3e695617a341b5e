//! Writes the items of every kind as this release writes them: `cargo run -p system-tests --example items`. What changes is looked at
//! before it is kept.

use system_tests::earlier::{Days, folder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    Days::live().await.write().await?;
    println!("written into {}", folder().display());
    Ok(())
}
