//! The first page on a slow phone: what it asks for, what holds it up, and what jumps.

use serde_json::json;

use super::driver::{Browser, Screen};
use crate::bed::{PATIENCE, Server};

/// What the browser counted of the page.
const COUNTED: &str = "const [page] = performance.getEntriesByType('navigation');
    const parts = performance.getEntriesByType('resource');
    return {
        requests: parts.length + 1,
        bytes: page.transferSize + parts.reduce((sum, part) => sum + part.transferSize, 0),
        html: page.transferSize,
        interactive: page.domInteractive,
        blocking: parts.filter(part => part.renderBlockingStatus === 'blocking').map(part => part.name.split('/').pop()),
        scripts: [...document.scripts].filter(script => script.type !== 'module').length,
        jumps: window.jumps,
    }";

const WATCH: &str = "window.jumps = 0; new PerformanceObserver(list => {
    for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.jumps += shift.value;
}).observe({ type: 'layout-shift', buffered: true })";

/// A phone of the middle class on a slow network: a quarter of this machine's speed, 1.6 Mbit/s, 150 ms to the server.
async fn slow(browser: &Browser) {
    browser.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": 4 })).await;
    browser.devtools("Network.enable", json!({})).await;
    let network =
        json!({ "offline": false, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750 });
    browser.devtools("Network.emulateNetworkConditions", network).await;
    browser.devtools("Network.setCacheDisabled", json!({ "cacheDisabled": true })).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
}

/// Milliseconds that the page's own thread has worked, by its own clock: what else this machine does is not in it.
async fn worked(browser: &Browser) -> f64 {
    let metrics = browser.devtools("Performance.getMetrics", json!({})).await;
    let of = |name: &str| metrics["metrics"].as_array()?.iter().find(|one| one["name"] == name)?["value"].as_f64();
    of("TaskDuration").expect("the browser counts what it does") * 1000.0
}

/// A middle-class phone's first second, put together of what does not depend on this machine's mood: the way to the server and
/// back for the page and once more for what it names, on a line that stands; all bytes at 1.6 Mbit/s; the work at a quarter of the
/// speed. Of three times the least, since what else runs here makes the work dearer, and the first has the browser's beginning in it.
#[tokio::test]
async fn a_slow_phone_has_the_first_page_in_hand_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    for lang in ["en", "hi"] {
        let Some(browser) = Browser::start(Screen::Phone).await else { return };
        browser.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
        browser.devtools("Network.enable", json!({})).await;
        browser.devtools("Network.setCacheDisabled", json!({ "cacheDisabled": true })).await;
        let mut least = f64::INFINITY;
        for _ in 0..3 {
            browser.open(server.studio.join(&format!("?lang={lang}")).unwrap().as_str()).await;
            let alive = "return !document.documentElement.classList.contains('no-script')";
            browser.until("the page's scripts", alive, PATIENCE).await;
            let work = worked(&browser).await;
            assert!(work > 1.0, "something was counted: {work}");
            let bytes = browser.run(COUNTED, &[]).await["bytes"].as_f64().unwrap();
            let whole = 2.0 * 150.0 + bytes / 200.0 + 4.0 * work;
            eprintln!("{lang}: {bytes} bytes, {work:.0} ms of work, {whole:.0} ms on a slow phone");
            least = least.min(whole);
        }
        assert!(least < 1_000.0, "{lang}: {least}");
    }
}

#[tokio::test]
async fn the_first_page_is_soon_there_on_a_slow_phone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = Browser::start(Screen::Phone).await else { return };
    slow(&browser).await;
    browser.open(server.studio.as_str()).await;
    let alive = "return !document.documentElement.classList.contains('no-script')";
    browser.until("the page's scripts", alive, PATIENCE).await;
    let counted = browser.run(COUNTED, &[]).await;
    let number = |name: &str| counted[name].as_f64().unwrap_or_else(|| panic!("{name}: {counted}"));
    assert!(number("bytes") < 100_000.0 && number("html") < 20_000.0, "{counted}");
    assert!(number("requests") <= 40.0, "{counted}");
    assert_eq!(counted["scripts"], 0, "no script holds the page up: {counted}");
    let sheets = counted["blocking"].as_array().unwrap();
    assert!(sheets.len() <= 5 && sheets.iter().all(|name| name.as_str().unwrap().ends_with(".css")), "{counted}");
    // On a machine at rest it is well under a second; others may be at work here.
    assert!(number("interactive") < 10_000.0, "{counted}");
    assert!(number("jumps") < 0.1, "{counted}");
}
