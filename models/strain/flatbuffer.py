"""A weighted sum as a TFLite file: written with litert's own schema, then made int8."""

from __future__ import annotations

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer, recipe

Values = npt.NDArray[np.float32]
Range = tuple[float, float]
SIGNATURE, INPUT, OUTPUT = "serving_default", "change", "logit"


def float_model(weights: Values, bias: Values) -> bytes:
    """One dense layer as a float32 TFLite file, for one example at a time.

    Args:
        weights: shape (outputs, inputs).
        bias: shape (outputs,).
    """
    outputs, inputs = weights.shape
    names = {INPUT: (1, inputs), "weights": weights, "bias": bias, OUTPUT: (1, outputs)}
    buffers, tensors = [schema.BufferT()], []
    for name, what in names.items():
        held = isinstance(what, np.ndarray)
        tensor = schema.TensorT(shape=list(what.shape if held else what), name=name)
        tensor.type, tensor.buffer = schema.TensorType.FLOAT32, len(buffers) if held else 0
        if held:
            content = np.frombuffer(np.ascontiguousarray(what, "<f4").tobytes(), np.uint8)
            buffers.append(schema.BufferT(data=content))
        tensors.append(tensor)
    dense = schema.OperatorT(
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions,
        builtinOptions=schema.FullyConnectedOptionsT(),
    )
    code = schema.BuiltinOperator.FULLY_CONNECTED
    signature = schema.SignatureDefT(
        inputs=[schema.TensorMapT(name=INPUT, tensorIndex=0)],
        outputs=[schema.TensorMapT(name=OUTPUT, tensorIndex=3)],
        signatureKey=SIGNATURE,
    )
    model = schema.ModelT(
        version=3,
        description="turnlight strain",
        operatorCodes=[
            schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=1)
        ],
        subgraphs=[
            schema.SubGraphT(
                name="main", tensors=tensors, operators=[dense], inputs=[0], outputs=[3]
            )
        ],
        buffers=buffers,
        signatureDefs=[signature],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def int8_model(model: bytes, inputs: Range, outputs: Range) -> bytes:
    """The same with int8 weights, input and output.

    Args:
        model: a file of `float_model`.
        inputs: least and greatest value that an input can take; exact, so nothing is calibrated.
        outputs: the same of the output.
    """
    ranges = {
        name: {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
        for name, (low, high) in {INPUT: inputs, OUTPUT: outputs}.items()
    }
    made = quantizer.Quantizer(bytearray(model), recipe.static_wi8_ai8())
    return bytes(made.quantize(ranges).quantized_model)
