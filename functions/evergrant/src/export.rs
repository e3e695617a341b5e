//! Everything that is stored for a customer, one JSON object a line. It is read and written page by page, however much it is.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;

use adapters::objects::Objects;
use adapters::store::belongings::Partition;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{ConnectionId, CustomerId};
use serde_json::{Value, json};

use crate::console::Console;
use crate::desk::Desk;
use crate::{Exit, Fault, erase};

/// What was written, by kind.
type Counts = BTreeMap<String, u64>;

/// Exports a customer.
pub(crate) async fn run(desk: &Desk, (customer, to): (&CustomerId, &Path), console: &mut Console<'_>) -> Result<Exit, Fault> {
    let objects = erase::photos(desk)?;
    let ids = desk.store.every_id_of(customer).await?;
    if !erase::is_known(desk, customer, &ids).await? {
        return Err(Fault::NoCustomer(customer.clone()));
    }
    let counts = match to == Path::new("-") {
        true => write(desk, (customer, &ids, objects), console.raw()).await?,
        false => {
            // Of people: for nobody else on this machine, and never over something.
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = BufWriter::new(options.open(to)?);
            let counts = write(desk, (customer, &ids, objects), &mut file).await?;
            file.into_inner().map_err(|error| Fault::Console(error.into_error()))?.sync_all()?;
            counts
        }
    };
    let lines: u64 = counts.values().sum();
    let told: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    console.aside(&format!("exported {lines} lines of {customer}: {}", told.join(", ")))?;
    Ok(Exit::Well)
}

async fn write(
    desk: &Desk,
    (customer, ids, objects): (&CustomerId, &[ConnectionId], &dyn Objects),
    out: &mut dyn Write,
) -> Result<Counts, Fault> {
    let mut counts = Counts::new();
    line(out, &json!({"kind": "export", "customer": customer, "at": desk.clock.now(), "connections": ids}))?;
    let all = ids.iter().cloned().collect();
    let attempts = desk.store.attempts_of(&all).await?;
    let partitions = erase::partitions(customer, ids, &attempts);
    for partition in &partitions {
        write_partition(desk, partition, (&mut *out, &mut counts)).await?;
    }
    for id in ids {
        write_photos(objects, id, (&mut *out, &mut counts)).await?;
    }
    // A file without it is not whole.
    line(out, &json!({"kind": "end", "counts": counts}))?;
    out.flush()?;
    Ok(counts)
}

async fn write_partition(desk: &Desk, partition: &Partition, (out, counts): (&mut dyn Write, &mut Counts)) -> Result<(), Fault> {
    let mut from = None;
    loop {
        let (found, next) = desk.store.belongings(partition, from).await?;
        for belonging in &found {
            line(out, &belonging.told())?;
            *counts.entry(belonging.kind().to_owned()).or_default() += 1;
        }
        match next {
            Some(next) => from = Some(next),
            None => return Ok(()),
        }
    }
}

async fn write_photos(objects: &dyn Objects, id: &ConnectionId, (out, counts): (&mut dyn Write, &mut Counts)) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let keys = objects.list_after(id, after.as_ref()).await?;
        for key in &keys {
            if let Some(bytes) = objects.read(key).await? {
                line(out, &json!({"kind": erase::PHOTO_FILE, "key": key.as_str(), "base64": STANDARD.encode(bytes)}))?;
                *counts.entry(erase::PHOTO_FILE.to_owned()).or_default() += 1;
            }
        }
        match keys.last() {
            Some(last) => after = Some(last.clone()),
            None => return Ok(()),
        }
    }
}

fn line(out: &mut dyn Write, value: &Value) -> Result<(), Fault> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
