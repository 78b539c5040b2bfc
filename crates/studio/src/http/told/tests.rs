//! That everything which is said in English has its Hindi, and that no text can do harm.

mod errors;
mod presets;
mod reports;
mod scanned;
mod table;

use super::{DEPTH_MAX, LOOKS_MAX, Told};
use crate::http::words::Words;

/// Latin words that a Hindi sentence may hold: names, units and what programs have to type.
const LATIN: &str = "
    px dpi JPEG JPG PNG WebP HEIC AVIF GIF TIFF BMP SVG PDF RAW XL CMYK sRGB RGB EXIF GPS IPTC AI HDR MB KB kB GB
    trainedAlgorithmicMedia compositeWithTrainedAlgorithmicMedia Photoshop ONNX Runtime Net U
    ZIP CSV UTF ASIN SKU ASCII UUID UTC JSON HTTP API ID id ids ssl
    A Z B C D x y n w pip so capi
    GET POST DELETE api presets jobs generate keys strokes Allow Authorization Bearer TOKEN bearer Content Type
    Idempotency Key key paid free tier name monthlyBudgetCents US cents hours wait cursor limit next state rejected
    image images urls zip csv file sku preset prompt num scene backdrop straighten normalize box include exclude keep
    identifier products shadow reflection true false null multipart form data application json curl F photo jpg boundary query
    percent encoding auto all width height radius revision kind erase points pixels deflate http https amazon main
    localhost PUBLIC BASE URL FAL KEY fal ai plantain serve toml endpoints nano banana edit runner gemini
    f e dd c a flux dev endpoint object linen chair SMTP MAIL FROM sign in link email asha shop example hook hooks WEBHOOK ALLOW
    PRIVATE secret whsec base events messages message jobId pending delivered dead webhookUrl webhookSecret notifyEmail NOTIFY EMAIL WhatsApp notifyWhatsapp WHATSAPP VERIFY APP SECRET Meta hub challenge webhook docs whatsapp md owner app path requests
    url keys notifyByMail requestsPerMinute ebay from to
    needs onnxruntime libonnxruntime features install
";

fn hindi() -> &'static Words {
    Words::of("hi").expect("Hindi is spoken")
}

fn table() -> &'static Told {
    hindi().told_table().expect("Hindi has a table")
}

/// Every sentence of the text is in the table.
fn is_known(said: &str) -> bool {
    let whole = |text: &str| table().whole(text, false, DEPTH_MAX, &mut LOOKS_MAX.clone()).is_some();
    said.is_empty() || whole(said) || said.split_inclusive(". ").all(|sentence| whole(sentence.trim_end()))
}

fn latin_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty())
}

/// What is wrong with the Hindi of a sentence, if anything; `values` are from outside.
fn fault(said: &str, values: &[&str]) -> Option<String> {
    if !is_known(said) {
        return Some(format!("assets/lang/told/hi.json has no line for: {said}"));
    }
    let told = hindi().told(said);
    let allowed = |word: &&str| LATIN.split_whitespace().any(|known| known == *word);
    let outside = |word: &&str| values.iter().any(|value| latin_words(value).any(|own| own == *word));
    let left: Vec<&str> = latin_words(&told).filter(|word| !allowed(word) && !outside(word)).collect();
    (!left.is_empty()).then(|| format!("{left:?} is left of: {said}\nin: {told}"))
}

#[track_caller]
fn assert_told<T: AsRef<str>>(all: impl IntoIterator<Item = T>, values: &[&str]) {
    let faults: Vec<String> = all.into_iter().filter_map(|said| fault(said.as_ref(), values)).collect();
    assert!(faults.is_empty(), "{} sentences:\n{}", faults.len(), faults.join("\n"));
}
