"""The lessons' lines for Keras and PyTorch: they run, and do what the table beside them says."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from small_network import NOISES, batch, drawn, make, mask_moments, near

from reglib import Dropout, GaussianNoise, augment, smooth_labels
from reglib.augment import rotate, scale
from reglib.losses import data_loss, output_gradient, outputs
from reglib.penalties import L1, L2, ElasticNet, MaxNorm

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in NOTEBOOKS
    for number, block in enumerate(
        block
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        for block in re.findall(r"```python\n(.*?)```", cell.source, flags=re.DOTALL)
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_lessons_block_compiles_and_runs_where_its_library_is(block):
    code = compile(block, "<block>", "exec")
    for library in re.findall(r"^(?:import|from) (\w+)", block, flags=re.MULTILINE):
        # torchvision of another build than torch fails with a RuntimeError
        pytest.importorskip(library, exc_type=(ImportError, RuntimeError))
    exec(code, {})


def run_block(words):
    """Run the one block that contains ``words`` and return its variables."""
    (block,) = [param.values[0] for param in BLOCKS if words in param.values[0]]
    variables = {}
    exec(block, variables)
    return variables


@pytest.mark.parametrize(
    ("words", "penalty"),
    [
        ("regularizers.L2(", L2(0.01)),
        ("regularizers.L1(", L1(0.01)),
        ("regularizers.L1L2(", ElasticNet(0.01, 0.1)),
    ],
)
def test_keras_penalises_with_our_factors(words, penalty):
    pytest.importorskip("keras")
    layer = run_block(words)["layer"]
    W = np.random.default_rng(0).standard_normal((10, 1)).astype(np.float32)
    np.testing.assert_allclose(float(layer.kernel_regularizer(W)), penalty(W), rtol=1e-5)


def test_keras_max_norm_is_ours():
    pytest.importorskip("keras")
    W = np.random.default_rng(0).standard_normal((64, 128)).astype(np.float32)
    held = run_block("constraints.MaxNorm")["layer"].kernel_constraint(W)
    np.testing.assert_allclose(np.asarray(held), MaxNorm(1.0)(W), rtol=1e-5)


def test_weight_decay_of_torchs_sgd_is_twice_our_l2_and_leaves_the_bias():
    torch = pytest.importorskip("torch")
    block = run_block("weight_decay")
    layer, optimizer, l2 = block["layer"], block["optimizer"], block["l2"]
    W, b = layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()
    (0 * layer(torch.zeros(1, 10)).sum()).backward()  # the data's gradient is zero
    optimizer.step()
    np.testing.assert_allclose(layer.weight.detach().numpy(), W - 0.1 * L2(l2).grad(W), rtol=1e-6)
    np.testing.assert_array_equal(layer.bias.detach().numpy(), b)


def test_the_proximal_lines_are_our_proximal_step():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    before = torch.nn.Linear(10, 1).weight.detach().numpy()  # what the block's layer starts with
    torch.manual_seed(0)
    block = run_block("prox of both")
    wanted = ElasticNet(block["l1"], block["l2"]).prox(before, block["rate"])
    np.testing.assert_allclose(block["layer"].weight.detach().numpy(), wanted, atol=1e-7)


def test_torchs_renorm_is_max_norm_of_the_transpose():
    torch = pytest.importorskip("torch")
    W = np.random.default_rng(0).standard_normal((64, 128))
    held = torch.renorm(torch.tensor(W.T), p=2, dim=0, maxnorm=1.0).numpy()
    np.testing.assert_allclose(held.T, MaxNorm(1.0)(W), rtol=1e-6)


# Noise


def check_dropout(out, x, p, whose):
    """Assert the mean, the variance, the share dropped and the survivors of x (n,) at rate p."""
    n, (second, fourth) = x.size, mask_moments(p)
    kept, m = out != 0, out.astype(float) / x
    near(kept.mean(), 1 - p, (p * (1 - p) / n) ** 0.5, f"{whose}: share kept")
    near(m.mean(), 1.0, (second / n) ** 0.5, f"{whose}: mean of out / x")
    spread = ((fourth - second**2) / n) ** 0.5 + 1e-6
    near(np.square(m - 1).mean(), second, spread, f"{whose}: variance of out / x")
    np.testing.assert_allclose(out[kept], x[kept] / (1 - p), rtol=1e-5, err_msg=whose)


def some_inputs(n=40_000):
    """Inputs away from 0, so that what was dropped shows."""
    return (1 + np.random.default_rng(0).random(n)).astype(np.float32)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_torchs_dropout_has_our_statistics_and_the_forwards_mask_in_its_gradient(p):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x, layer, ours = some_inputs(), torch.nn.Dropout(p), Dropout(p, np.random.default_rng(0))
    check_dropout(ours.forward(x, training=True), x, p, "ours")
    check_dropout(layer(torch.tensor(x)).numpy(), x, p, "nn.Dropout")
    layer.eval()
    np.testing.assert_array_equal(layer(torch.tensor(x)).numpy(), ours.forward(x))
    tensor = torch.tensor(x, requires_grad=True)
    out = torch.nn.functional.dropout(tensor, p, training=True)
    out.sum().backward()
    for whose, got, mask in (
        ("F.dropout", out.detach().numpy(), tensor.grad.numpy()),
        ("ours", ours.forward(x, training=True), ours.backward(np.ones_like(x))),
    ):
        np.testing.assert_allclose(x * mask, got, rtol=1e-6, err_msg=f"{whose}: another mask")


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5])
def test_torchs_label_smoothing_is_ours_and_so_is_its_gradient(alpha):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits, y = rng.standard_normal((20, 5)), rng.integers(0, 5, 20)
    for labels, Y in ((y, np.eye(5)[y]), (rng.dirichlet(np.ones(5), 20),) * 2):
        z = torch.tensor(logits, requires_grad=True)
        target = torch.tensor(labels)
        loss = torch.nn.functional.cross_entropy(z, target, label_smoothing=alpha)
        loss.backward()
        A, soft = outputs("softmax", logits), smooth_labels(Y, alpha)
        assert data_loss("cross_entropy", A, soft) == pytest.approx(loss.item(), rel=1e-12)
        gradient = output_gradient("cross_entropy", "softmax", A, soft)
        np.testing.assert_allclose(gradient, z.grad.numpy(), atol=1e-14)


@pytest.mark.parametrize("name", NOISES)
def test_a_torch_sequential_with_our_masks_has_our_gradients(name):
    torch = pytest.importorskip("torch")

    class Thinned(torch.nn.Linear):
        def forward(self, x):
            return torch.nn.functional.linear(x, self.weight * self.mask, self.bias)

    class Apply(torch.nn.Module):
        def __init__(self, call):
            super().__init__()
            self.forward = call

    options = dict(activation="tanh", output="softmax", loss="cross_entropy", **NOISES[name])
    net, (X, _) = make((3, 5, 4, 3), l1=0.02, l2=0.03, **options), batch(9)
    y = np.arange(9) % 3
    noise, on_weights, on_units = (
        torch.tensor(part) if isinstance(part, np.ndarray) else [torch.tensor(m) for m in part]
        for part in drawn(net, X)
    )
    steps = [Apply(lambda x: x + noise)]
    for i, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        layer = Thinned(*W.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(W.T.copy()), torch.tensor(b[0])
        layer.mask = on_weights[i].T
        steps.append(layer)
        if i < 2:
            steps += [torch.nn.Tanh(), Apply(lambda a, i=i: a * on_units[i])]
    z = torch.nn.Sequential(*steps)(torch.tensor(X))
    alpha = NOISES[name].get("label_smoothing", 0.0)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(y), label_smoothing=alpha)
    layers = [step for step in steps if isinstance(step, Thinned)]
    for layer in layers:
        loss = loss + 0.02 * layer.weight.abs().sum() + 0.03 * layer.weight.square().sum()
    loss.backward()
    dW, db = net.gradients(X, y)
    for i, layer in enumerate(layers):
        message = f"{name}: weights[{i}]"
        np.testing.assert_allclose(dW[i], layer.weight.grad.numpy().T, atol=1e-13, err_msg=message)
        message = f"{name}: biases[{i}]"
        np.testing.assert_allclose(db[i][0], layer.bias.grad.numpy(), atol=1e-13, err_msg=message)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_keras_dropout_is_ours_and_its_rate_is_our_p(rate):
    keras = pytest.importorskip("keras")
    x, layer = some_inputs(), keras.layers.Dropout(rate, seed=0)
    check_dropout(keras.ops.convert_to_numpy(layer(x, training=True)), x, rate, "keras")
    for out in (layer(x, training=False), layer(x)):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(out), x, "not off at evaluation")


def test_keras_gaussian_noise_is_ours():
    keras = pytest.importorskip("keras")
    x, layer = some_inputs(), keras.layers.GaussianNoise(0.3, seed=0)
    ours = GaussianNoise(0.3, np.random.default_rng(0))
    outs = {
        "keras": keras.ops.convert_to_numpy(layer(x, training=True)),
        "ours": ours.forward(x, training=True),
    }
    for whose, out in outs.items():
        noise = (out.astype(float) - x) / 0.3
        assert abs(noise.mean()) < 6 / x.size**0.5, (
            f"{whose}: the noise has the mean {noise.mean()}"
        )
        off = abs(np.square(noise).mean() - 1)
        assert off < 6 * (2 / x.size) ** 0.5, f"{whose}: the variance is {off} from stddev^2"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x, training=False)), x)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5])
def test_keras_label_smoothing_is_ours_for_several_outputs_and_for_one(alpha):
    keras = pytest.importorskip("keras")
    X, _ = batch(12)
    y = np.arange(12) % 3
    losses = keras.losses.CategoricalCrossentropy, keras.losses.BinaryCrossentropy
    for (output, loss, k), theirs in zip(
        (("softmax", "cross_entropy", 3), ("sigmoid", "binary_cross_entropy", 1)),
        losses,
        strict=True,
    ):
        net = make((3, 4, k), output=output, loss=loss, label_smoothing=alpha)
        A = net.forward_propagation(X)
        labels = y if k == 3 else y % 2
        target = (np.eye(3)[labels] if k == 3 else labels[:, None]).astype(np.float32)
        got = float(theirs(label_smoothing=alpha)(target, A.astype(np.float32)))
        assert net.compute_loss(A, labels) == pytest.approx(got, rel=1e-5), loss


# Augmentation


def torchvision():
    """Return torch, transforms.v2 and its functions; a build for another torch is a missing one."""
    torch = pytest.importorskip("torch")
    v2 = pytest.importorskip("torchvision.transforms.v2", exc_type=(ImportError, RuntimeError))
    return torch, v2, v2.functional


def channels_first(torch, images):
    return torch.tensor(np.moveaxis(images, -1, 1))


def channels_last(tensor):
    return np.moveaxis(tensor.numpy(), 1, -1)


@pytest.mark.parametrize("shape", [(2, 9, 12, 3), (2, 8, 8, 1)], ids=str)
def test_torchvision_rotates_and_scales_as_we_do_when_told_to_interpolate(shape):
    torch, v2, F = torchvision()
    images = np.random.default_rng(0).random(shape)
    x, bilinear = channels_first(torch, images), v2.InterpolationMode.BILINEAR
    for angle in (30.0, 90.0, -45.0, 200.0):
        theirs = channels_last(F.rotate(x, angle, interpolation=bilinear))
        np.testing.assert_allclose(rotate(images, angle), theirs, atol=1e-13, err_msg=f"{angle}")
    nearest = channels_last(F.rotate(x, 30.0))
    assert np.isin(nearest, [0, *images.ravel()]).all(), "its default is not nearest any more"
    for factor in (0.7, 1.5, 2.0):
        moved = dict(angle=0.0, translate=[0, 0], shear=[0.0, 0.0], scale=factor)
        theirs = channels_last(F.affine(x, **moved, interpolation=bilinear))
        np.testing.assert_allclose(scale(images, factor), theirs, atol=1e-13, err_msg=f"{factor}")


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_torchvisions_colours_are_ours_but_for_the_last_digit_of_its_luma(name):
    """Its red counts 0.2989, ours 0.299: a luma differs by 1e-4 at most."""
    torch, _, F = torchvision()
    for channels in (1, 3):
        images = np.random.default_rng(0).random((3, 7, 8, channels))
        for factor in (0.0, 0.5, 1.0, 1.7):
            theirs = getattr(F, f"adjust_{name}")(channels_first(torch, images), factor)
            ours = getattr(augment, f"adjust_{name}")(images, factor)
            off = np.abs(ours - channels_last(theirs)).max()
            assert off <= abs(1 - factor) * 1e-4 + 1e-12, f"{channels} channels: {off} at {factor}"


def test_torchvision_draws_once_for_a_batch_and_we_once_for_an_image():
    torch, v2, _ = torchvision()
    torch.manual_seed(0)
    images = np.repeat(np.random.default_rng(0).random((1, 8, 8, 3)), 20, axis=0)
    for theirs, ours in (
        (v2.RandomRotation(30), augment.RandomRotation(30)),
        (v2.ColorJitter(0.4, 0.4, 0.4), augment.ColorJitter(0.4, 0.4, 0.4)),
        (v2.RandomErasing(1.0), augment.RandomErasing(1.0)),
        (v2.RandomCrop(8, padding=2), augment.RandomCrop(8, padding=2)),
    ):
        once = channels_last(theirs(channels_first(torch, images)))
        assert (once == once[:1]).all(), f"{theirs} draws for each image"
        each, _ = ours(images, None, np.random.default_rng(0))
        assert (each != each[:1]).any(), f"{ours} draws once for the batch"


def test_torchvision_mixes_with_the_image_before_in_shares_that_are_ours():
    torch, v2, _ = torchvision()
    torch.manual_seed(0)
    images, Y = np.random.default_rng(0).random((5, 8, 9, 3)), np.eye(5)
    x, y, before = channels_first(torch, images), torch.arange(5), np.roll(np.arange(5), 1)
    for mix in (v2.MixUp(num_classes=5), v2.CutMix(num_classes=5)):
        for _ in range(50):
            mixed, labels = mix(x, y)
            mixed, labels, lam = channels_last(mixed), labels.numpy(), float(labels[0, 0])
            np.testing.assert_allclose(labels, lam * Y + (1 - lam) * Y[before], atol=1e-6)
            if isinstance(mix, v2.MixUp):
                ours, _ = augment.mixup(images, Y, lam, before)
                np.testing.assert_allclose(mixed, ours, atol=1e-6)
            else:
                kept = (mixed == images).all(axis=-1).mean(axis=(1, 2))
                np.testing.assert_allclose(kept, lam, atol=1e-6, err_msg="the area really cut")


def test_torchvisions_erasing_holds_its_ranges_before_rounding_only():
    torch, v2, _ = torchvision()
    torch.manual_seed(0)
    x, erasing = torch.ones(1, 8, 8), v2.RandomErasing(1.0)
    areas = [float((erasing(x) == 0).double().mean()) for _ in range(1000)]
    assert min(areas) < 0.02 and max(areas) > 0.33, f"{min(areas)} to {max(areas)}"
    order = {tuple(v2.ColorJitter(1, 1, 1).make_params([])["fn_idx"].tolist()) for _ in range(50)}
    assert len(order) > 1, "its ColorJitter has a fixed order"


def test_kerass_factors_mean_other_things_than_ours():
    """Shares of a turn, zooming out, adding instead of multiplying, and each channel's mean."""
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).random((3, 9, 9, 3)).astype(np.float32)
    layers, black = keras.layers, dict(fill_mode="constant", fill_value=0.0)

    def run(layer):
        return keras.ops.convert_to_numpy(layer(x, training=True))

    turned = run(layers.RandomRotation((1 / 12, 1 / 12), **black))
    np.testing.assert_allclose(turned, rotate(x, 30), atol=1e-5, err_msg="1/12 of a turn")
    zoomed = run(layers.RandomZoom((-0.5, -0.5), **black))
    inside = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(zoomed[inside], scale(x, 2)[inside], atol=1e-5, err_msg="zoom")
    brighter = run(layers.RandomBrightness((0.3, 0.3), value_range=(0, 1)))
    np.testing.assert_allclose(brighter, np.clip(x + 0.3, 0, 1), atol=1e-6, err_msg="it adds")
    harder, mean = run(layers.RandomContrast(0.2, value_range=(0, 1), seed=0)), x.mean(axis=(1, 2))
    for image, out, centre in zip(x, harder, mean, strict=True):
        free = (out > 0.01) & (out < 0.99) & (np.abs(image - centre) > 0.1)
        factors = ((out - centre) / (image - centre))[free]
        assert np.ptp(factors) < 1e-4, "it is not about each channel's mean"
