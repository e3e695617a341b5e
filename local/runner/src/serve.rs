//! Starts everything, tells where it is, then gives the customers their history.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use adapters::clock::Clock as _;
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use tokio::net::TcpListener;
use url::Url;

use crate::arguments::Arguments;
use crate::errand::Errand;
use crate::folder::Folder;
use crate::world::{Addresses, World};
use crate::{daily, engine, passing, portal, seed};

/// Runs until the process is ended.
///
/// # Errors
/// One sentence that says what keeps it from starting.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let world = start(arguments).await?;
    tell(&world, arguments, begun);
    daily::recover(&world).await?;
    live(world).await
}

/// Opens the data folder and serves the three ports; nothing goes on by itself yet.
///
/// # Errors
/// As [`run`].
pub async fn start(arguments: &Arguments) -> Result<Arc<World>> {
    if let Some(folder) = &arguments.widget {
        check_widget(folder)?;
    }
    let listeners = Listeners::bind(arguments.port).await?;
    let folder = Folder::open(&arguments.data, arguments.past)?;
    let world = Arc::new(World::open(folder, listeners.addresses()?, arguments.people).await?);
    listeners.serve(&world, arguments.widget.as_deref())?;
    Ok(world)
}

/// Catches up with what was under way, then goes on for ever.
async fn live(world: Arc<World>) -> Result<()> {
    passing::resume(&world).await?;
    let [quick, bulk, photos] = Errand::ALL.map(|errand| tokio::spawn(daily::deliver(Arc::clone(&world), errand)));
    let history = tokio::spawn({
        let world = Arc::clone(&world);
        async move { seed::play(&world, seed::SCRIPT.len()).await }
    });
    let ticks = tokio::spawn(daily::tick(world));
    history.await??;
    tokio::try_join!(quick, bulk, photos, ticks)?;
    Ok(())
}

struct Listeners {
    portal: TcpListener,
    api: TcpListener,
    simulator: TcpListener,
}

impl Listeners {
    async fn bind(port: u16) -> Result<Self> {
        let place = |above: u16| if port == 0 { 0 } else { port + above };
        Ok(Self {
            portal: bind(place(0), "portal").await?,
            api: bind(place(1), "API").await?,
            simulator: bind(place(2), "simulator").await?,
        })
    }

    fn addresses(&self) -> Result<Addresses> {
        let address =
            |listener: &TcpListener| -> Result<Url> { Ok(format!("http://localhost:{}/", listener.local_addr()?.port()).parse()?) };
        Ok(Addresses { portal: address(&self.portal)?, api: address(&self.api)?, simulator: address(&self.simulator)? })
    }

    fn serve(self, world: &Arc<World>, widget: Option<&Path>) -> Result<()> {
        serve(self.portal, portal::router(Arc::clone(world), widget)?);
        serve(self.api, world.api()?);
        serve(self.simulator, simulator(Arc::clone(world)));
        Ok(())
    }
}

async fn bind(port: u16, whose: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| format!("port {port}, for the {whose}, cannot be had: end what uses it, or take other ports with --port"))
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a port is served no more");
        }
    });
}

/// The simulator, whose clock is ours at every request.
fn simulator(world: Arc<World>) -> Router {
    let router = world.simulator.router();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        world.tell_simulator_the_time();
        next.run(request)
    }))
}

/// The widget's folder must hold what its manifest promises.
fn check_widget(folder: &Path) -> Result<()> {
    let (shown, manifest) = (folder.display(), folder.join("manifest.json"));
    let build = "build it with `cargo xtask widget`";
    let text = fs::read(&manifest).with_context(|| format!("{} cannot be read: {build}", manifest.display()))?;
    let manifest: serde_json::Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged: {build}", manifest.display()))?;
    let files = manifest["files"].as_object().with_context(|| format!("the manifest in {shown} names no files: {build}"))?;
    match files.keys().find(|name| !folder.join(name).is_file()) {
        Some(missing) => bail!("{missing} is missing in {shown}: {build}"),
        None => Ok(()),
    }
}

fn tell(world: &World, arguments: &Arguments, begun: Instant) {
    let Addresses { portal, api, simulator } = &world.addresses;
    let bare = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    println!("evergrant ready portal={} api={} simulator={}", bare(portal), bare(api), bare(simulator));
    println!();
    println!("  Open {portal} and choose a customer on the left: each one's connection is in another state.");
    println!("  A broken connection is repaired by its own button; sign in with any of the accounts that are offered.");
    println!("  \"Simulator\" opens a panel that breaks things and lets time pass.");
    println!("  People are read from {api} with a token of the operator's server, which {portal}server-token mints: see the README.");
    println!("  For the operator's command line, `cargo run -p evergrant -- list` and others:");
    println!(
        "    export AWS_ENDPOINT_URL={} AWS_REGION=local AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
         EVERGRANT_CONNECTIONS_TABLE={} EVERGRANT_PEOPLE_TABLE={} EVERGRANT_PHOTO_FOLDER={}",
        world.engine.endpoint,
        engine::CONNECTIONS,
        engine::PEOPLE,
        world.objects.root().display(),
    );
    if world.journal.notes().beats_done < seed::SCRIPT.len() {
        println!("  The customers' history is being played; it takes some seconds, and the page shows how far it is.");
    }
    println!(
        "  Everything is kept in {}. Ready after {:.1} s at {}.",
        arguments.data.display(),
        begun.elapsed().as_secs_f64(),
        world.clock.now()
    );
}
