"""tsfmicro export, as typed."""

import torch

from tsfmicro.models.pretrained import save_pretrained
from tsfmicro.models.registry import create_model


def test_a_saved_model_becomes_a_file_and_its_distance_from_torch_is_told(tsfmicro, tmp_path):
    torch.manual_seed(0)
    save_pretrained(create_model("tsfmicro-small", 3, 32, variant="spatial"), tmp_path / "saved")
    status, out, _ = tsfmicro("export", tmp_path / "saved", "--out", tmp_path / "model.onnx")
    assert status == 0
    assert out.startswith(f"{tmp_path / 'model.onnx'}: ") and "of torch's" in out
    assert (tmp_path / "model.onnx").exists()


def test_a_folder_that_is_no_model_is_told_in_one_line(tsfmicro, tmp_path):
    status, _, err = tsfmicro("export", tmp_path, "--out", tmp_path / "model.onnx")
    assert status == 1
    assert "holds no model" in err and len(err.strip().splitlines()) == 1
