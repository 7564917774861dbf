"""Constants of GEMM kernels, fitted to measured shapes and judged on others."""
