//! Says in the file whether a generative model made its pixels.

/// IPTC's digital source type, which marketplaces and law ask for in generated pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provenance {
    /// Only cutting out, resampling and plain fills: no tag.
    #[default]
    Photographed,
    /// A real product in a generated scene.
    GeneratedScene,
    /// Every visible pixel is generated. Google asks for this value by name, also where the product is real.
    Generated,
}

impl Provenance {
    fn source_type(self) -> Option<&'static str> {
        match self {
            Provenance::Photographed => None,
            Provenance::GeneratedScene => {
                Some("http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
            }
            Provenance::Generated => Some("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"),
        }
    }

    /// The XMP packet, where there is something to say.
    pub(super) fn packet(self) -> Option<Vec<u8>> {
        let source = self.source_type()?;
        let packet = format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
             <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\n\
             <Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>\n\
             </rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>"
        );
        Some(packet.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_generated_pictures_carry_a_packet() {
        assert_eq!(Provenance::Photographed.packet(), None);
        for (provenance, value) in [
            (Provenance::Generated, "/trainedAlgorithmicMedia<"),
            (Provenance::GeneratedScene, "/compositeWithTrainedAlgorithmicMedia<"),
        ] {
            let packet = String::from_utf8(provenance.packet().unwrap()).unwrap();
            assert!(packet.contains(value), "{packet}");
        }
    }
}
