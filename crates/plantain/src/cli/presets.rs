//! `plantain presets`: which marketplaces are known, and what one of them demands, with its sources.

use anyhow::Context as _;
use plantain_media::preset::{Preset, Presets};

use super::table::Table;
use super::{Context, Outcome, Output, stdout};
use crate::config::storage::Storage;

/// List the marketplace presets, or show one with the source of each rule.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain presets
  plantain presets amazon_main
  plantain presets amazon_main --json > mine.json    (then edit, and set PLANTAIN_PRESETS=mine.json)")]
pub struct Args {
    /// Show this one.
    #[arg(value_name = "ID")]
    id: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let presets = load(&context.config.storage)?;
    let text = match (&args.id, context.output) {
        (None, Output::Text) => list(&presets),
        (None, Output::Json) => json(presets.iter())?,
        (Some(id), Output::Text) => card(find(&presets, id)?, &presets),
        (Some(id), Output::Json) => json(std::iter::once(find(&presets, id)?))?,
    };
    stdout::print(text)?;
    Ok(Outcome::Done)
}

/// The built-in presets and the operator's own.
pub fn load(storage: &Storage) -> anyhow::Result<Presets> {
    let Some(path) = &storage.presets else { return Ok(Presets::builtin()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("PLANTAIN_PRESETS: {}", path.display()))?;
    Presets::with_user_file(&text).with_context(|| format!("PLANTAIN_PRESETS: {}", path.display()))
}

/// The preset of this name, or which one was meant and how all are listed.
pub fn find<'p>(presets: &'p Presets, id: &str) -> anyhow::Result<&'p Preset> {
    presets.get(id).map_err(|unknown| match unknown.nearest {
        Some(_) => anyhow::anyhow!("{unknown} `plantain presets` lists all"),
        None => anyhow::anyhow!("{unknown}; `plantain presets` lists all"),
    })
}

/// A file that PLANTAIN_PRESETS can name.
fn json<'a>(presets: impl Iterator<Item = &'a Preset>) -> anyhow::Result<String> {
    let file = serde_json::json!({ "presets": presets.collect::<Vec<_>>() });
    Ok(format!("{}\n", serde_json::to_string_pretty(&file)?))
}

fn list(presets: &Presets) -> String {
    let mut table = Table::new(["preset", "canvas", "background", "shadow", "fill", "file", "what"]);
    for preset in presets.iter() {
        table.row([
            preset.id.clone(),
            canvas(preset),
            background(preset).into(),
            format!("{:?}", preset.shadow).to_lowercase(),
            fill(preset),
            format!("{}, {}", formats(preset), size(preset.max_bytes)),
            preset.title.clone(),
        ]);
    }
    table.render()
}

fn canvas(preset: &Preset) -> String {
    format!("{} × {}", preset.canvas.0, preset.canvas.1)
}

fn background(preset: &Preset) -> &'static str {
    use plantain_media::preset::Background;
    match preset.background {
        Background::W1 => "exact white",
        Background::W2 => "white",
        Background::N1 => "light neutral",
        Background::G1 => "light grey",
        Background::F0 => "free",
    }
}

fn fill(preset: &Preset) -> String {
    match preset.fill.is_ruled() {
        true => format!("{:.0}–{:.0} %", preset.fill.min * 100.0, preset.fill.max * 100.0),
        false => "free".into(),
    }
}

fn formats(preset: &Preset) -> String {
    preset.formats.iter().map(|format| format.extension()).collect::<Vec<_>>().join("/")
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("≤ {} KB", bytes / 1000),
        _ => format!("≤ {} MB", bytes as f64 / 1e6),
    }
}

fn card(preset: &Preset, presets: &Presets) -> String {
    let mut text = format!("{} ({})\n", preset.title, preset.id);
    if !preset.notes.is_empty() {
        text.push_str(&format!("{}\n", preset.notes));
    }
    text.push('\n');
    for (name, value) in demands(preset) {
        text.push_str(&format!("  {name:<12}{value}\n"));
    }
    let mut table = Table::new(["rule", "sure", "read", "source"]);
    for source in &preset.sources {
        let documents = match source.documents.is_empty() {
            true => "our choice".into(),
            false => {
                source.documents.iter().map(|tag| presets.document(tag).unwrap_or(tag)).collect::<Vec<_>>().join("; ")
            }
        };
        table.row([source.rule.clone(), format!("{:?}", source.sure), source.read.to_string(), documents]);
    }
    text.push_str(&format!("\n{}", table.render()));
    text.push_str("\nSure: A the operator's own page, B quoted from it, C seller blogs and tools, D our own choice.\n");
    for question in preset.questions.iter().filter_map(|id| presets.question(id)) {
        text.push_str(&format!("Open question: {question}\n"));
    }
    text
}

fn demands(preset: &Preset) -> Vec<(&'static str, String)> {
    let mut demands = vec![
        ("canvas", format!("{} px, {}", canvas(preset), preset.aspect)),
        ("background", background(preset).into()),
        ("shadow", format!("{:?}", preset.shadow).to_lowercase()),
        ("fill", format!("{}, rendered at {:.0} %", fill(preset), preset.fill.target * 100.0)),
        ("file", format!("{}, {}", formats(preset), size(preset.max_bytes))),
        ("size", format!("long side ≥ {} px, short side ≥ {} px", preset.min_long_side, preset.min_short_side)),
        ("name", preset.name.clone()),
        ("pictures", format!("at most {}", preset.max_images)),
    ];
    if let Some(longest) = preset.max_long_side {
        demands[5].1.push_str(&format!(", long side ≤ {longest} px"));
    }
    demands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_listed_and_has_a_card_with_its_sources() {
        let presets = Presets::builtin();
        let list = list(&presets);
        for preset in presets.iter() {
            assert!(list.contains(&preset.id), "{}", preset.id);
            let card = card(preset, &presets);
            assert!(card.contains(&canvas(preset)) && card.contains("Sure: A"), "{card}");
        }
    }

    #[test]
    fn what_is_printed_as_json_can_be_given_back() {
        let presets = Presets::builtin();
        let text = json(presets.iter()).unwrap();
        let again = Presets::with_user_file(&text).unwrap();
        assert_eq!(again.iter().collect::<Vec<_>>(), presets.iter().collect::<Vec<_>>());
    }
}
