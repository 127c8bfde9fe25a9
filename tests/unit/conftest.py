"""Unit tests compute on the CPU, also where there is a GPU.

They compare bytes, and the CPU's results are the reference: a GPU repeats itself to rounding only. tests/gpu has what
only a GPU can show. The variable also reaches the commands that tests start.
"""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
