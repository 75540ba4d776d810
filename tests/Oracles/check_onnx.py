"""check_onnx.py FILE...: checks ONNX files with the checker of ONNX's own library (Debian: python3-onnx).

Every operator, attribute and type must follow the standard, and the shape of every value must follow from the inputs.
Prints one line for each file. Fails at the first error.
"""

import sys

import onnx

for path in sys.argv[1:]:
    # A model, not a path: with a path, this version of the library writes the shapes into the file.
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert all(node.domain == "" for node in model.graph.node), "an operator is not of the standard"
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)] and model.ir_version == 8, "another version"
    shapes = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph.value_info
    known = {value.name for value in shapes if value.type.tensor_type.HasField("shape")} | {output.name for output in model.graph.output}
    unknown = [node.name for node in model.graph.node if node.output[0] not in known]
    assert not unknown, f"the shape of {unknown[0]} does not follow from the inputs"
    print(f"{path}: {model.graph.name}, {len(model.graph.node)} nodes")
