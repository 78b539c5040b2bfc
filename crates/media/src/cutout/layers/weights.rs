//! Reading a network's layers from an ONNX file, in the order in which they run.

use std::collections::HashMap;
use std::vec::IntoIter;

use rten_onnx::onnx::{ModelProto, TensorProto};

use super::conv::{Conv, Numbers};
use crate::cutout::error::CutoutError;

/// Every convolution of a file, first to last. Whatever is not as the network expects it is
/// [`CutoutError::ForeignModel`].
pub(in crate::cutout) struct Layers(IntoIter<Numbers>);

impl Layers {
    pub(in crate::cutout) fn of(file: &[u8]) -> Result<Layers, CutoutError> {
        let model = ModelProto::parse_buf(file).map_err(|error| CutoutError::Model(Box::new(error)))?;
        let graph = model.graph.ok_or(CutoutError::ForeignModel)?;
        let stored: HashMap<&str, &TensorProto> =
            graph.initializer.iter().filter_map(|tensor| Some((tensor.name.as_deref()?, tensor))).collect();
        let convolutions = graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Conv"));
        let read = convolutions.map(|node| {
            let tensor = |at: usize| node.input.get(at).and_then(|name| stored.get(name.as_str()).copied());
            numbers(tensor(1)?, tensor(2)?)
        });
        let layers: Option<Vec<Numbers>> = read.collect();
        Ok(Layers(layers.ok_or(CutoutError::ForeignModel)?.into_iter()))
    }

    /// The next layer, which must take so many channels.
    pub(in crate::cutout) fn next(
        &mut self,
        inputs: usize,
        dilation: usize,
        rectified: bool,
    ) -> Result<Conv, CutoutError> {
        let numbers = self.0.next().filter(|numbers| numbers.inputs == inputs).ok_or(CutoutError::ForeignModel)?;
        Ok(Conv::new(&numbers, dilation, rectified))
    }

    /// That none are left.
    pub(in crate::cutout) fn end(mut self) -> Result<(), CutoutError> {
        self.0.next().map_or(Ok(()), |_| Err(CutoutError::ForeignModel))
    }
}

fn numbers(weights: &TensorProto, bias: &TensorProto) -> Option<Numbers> {
    let [outputs, inputs, side, other] = *weights.dims.as_slice() else { return None };
    let size = |side: i64| usize::try_from(side).ok().filter(|side| (1..=4096).contains(side));
    let (outputs, inputs, side) = (size(outputs)?, size(inputs)?, size(side)?);
    let (weights, bias) = (values(weights)?, values(bias)?);
    let whole = weights.len() == outputs * inputs * side * side && bias.len() == outputs;
    (whole && other == side as i64 && matches!(side, 1 | 3)).then_some(Numbers { outputs, inputs, side, weights, bias })
}

fn values(tensor: &TensorProto) -> Option<Vec<f32>> {
    let raw = tensor.raw_data.as_ref()?.borrow();
    Some(raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use crate::cutout::WEIGHTS;
    use crate::cutout::unet::UNet;

    #[test]
    fn a_damaged_file_is_an_error() {
        assert!(UNet::from_onnx(WEIGHTS).is_ok());
        for length in [0, 1, 100, 5000, WEIGHTS.len() / 2, WEIGHTS.len() - 1] {
            assert!(UNet::from_onnx(&WEIGHTS[..length]).is_err(), "the first {length} bytes");
        }
        // A layer too few: the name of one kind of node is no longer read.
        let at = WEIGHTS.windows(4).rposition(|name| name == b"Conv").unwrap();
        let mut renamed = WEIGHTS.to_vec();
        renamed[at] = b'c';
        assert!(UNet::from_onnx(&renamed).is_err());
    }
}
