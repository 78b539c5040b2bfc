//! The page of a real job, in Hindi: what was required, measured and advised, and every notice.

use plantain_outbound::Bounds;
use plantain_studio::config::{Maker, Makers, StudioConfig};

use crate::service::bench::{Bench, config, ok, user};

/// Latin words that these places may hold: units, formats, marks, and the name of the file.
const LATIN: &str =
    "px dpi kB MB JPEG sRGB EXIF GPS IPTC AI trainedAlgorithmicMedia B0TEST1234 MAIN PT jpg asin nn jar";

/// What stands in a page's element with this slot, each time.
fn slots<'h>(html: &'h str, slot: &'h str) -> impl Iterator<Item = &'h str> {
    let inside =
        |part: &'h str| part.split_once('>').and_then(|(_, rest)| rest.split_once('<')).map_or("", |(text, _)| text);
    html.split(&format!("data-slot=\"{slot}\"")).skip(1).map(inside).collect::<Vec<_>>().into_iter()
}

fn english(text: &str) -> Vec<&str> {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.contains(|c: char| c.is_ascii_alphabetic()));
    words.filter(|word| !LATIN.split(' ').any(|known| known == *word)).collect()
}

#[tokio::test]
async fn no_english_sentence_is_left_on_the_page_of_a_job() {
    for maker in [Maker::LOCAL, Maker::generative(3.9)] {
        let bench = Bench::with(StudioConfig { makers: Makers::only(maker), ..config() }).await;
        let (job, submission) = bench.submitted().await;
        let page = submission.webhook.as_ref().unwrap().join(&format!("/jobs/{job}?lang=hi")).unwrap();
        let output =
            bench.output().replace("\"done\"", "\"Every pixel of it is your photo's own; nothing was generated.\"");
        let body = ok(&submission.request_id, &output);
        assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
        bench.succeeds(&job).await;
        let bounds = Bounds { max_bytes: 1 << 20, deadline: std::time::Duration::from_secs(60) };
        let fetched = bench.outbound.get(&page, bounds).await.unwrap();
        let html = String::from_utf8(fetched.body.to_vec()).unwrap();
        let mut seen = 0;
        for slot in ["required", "measured", "fix"] {
            for text in slots(&html, slot) {
                assert_eq!(english(text), [""; 0], "{slot}: {text}");
                seen += usize::from(!text.is_empty());
            }
        }
        assert!(seen > 40, "only {seen} sentences were seen");
        let notices: Vec<&str> =
            html.split("<p class=\"notice\">").skip(1).filter_map(|p| p.split('<').next()).collect();
        assert!(!notices.is_empty());
        for notice in notices {
            assert_eq!(english(notice), [""; 0], "{notice}");
        }
    }
}
