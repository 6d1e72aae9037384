"""skl2onnx keeps a graph's opsets in a set of texts, whose order is another one in each process."""

from skl2onnx.common._container import ModelComponentContainer

print(type(ModelComponentContainer(21).node_domain_version_pair_sets).__name__)

# With skl2onnx 1.20.0 and onnxruntime 1.31.1 it prints:
# set
