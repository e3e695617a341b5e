//! Writes one mail of every kind as files, to be looked at: `cargo run -p system-tests --example mails -- FOLDER`.

use std::fs;
use std::path::PathBuf;

use system_tests::letters;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("name a folder")?.into();
    fs::create_dir_all(&folder)?;
    for (name, mail) in letters::Sources::of_may().mails() {
        fs::write(folder.join(format!("{name}.html")), mail.html)?;
        fs::write(folder.join(format!("{name}.txt")), format!("Subject: {}\n\n{}", mail.subject, mail.text))?;
    }
    Ok(())
}
