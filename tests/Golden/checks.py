"""Checks of this code itself: golden vectors of docs/reference-system.md, PyTorch's own layers, finite differences."""

from dataclasses import replace

import torch

from adam import cases as adam
from blocks.cases import BLOCKS
from draw import Draw
from mix import cases, losses, model
from uniter import cases as uniter_cases
from uniter import model as uniter_model


def close(actual, expected, tolerance, what):
    actual, expected = torch.as_tensor(actual, dtype=torch.float64), torch.as_tensor(expected, dtype=torch.float64)
    worst = (actual - expected).abs().max().item()
    if not worst <= tolerance:
        raise AssertionError(f"{what}: {actual.tolist()} is not {expected.tolist()} within {tolerance}")


def parameter_counts():
    """docs/reference-system.md, section 3.10, at the reference sizes."""
    encoder = model.EncoderSizes(vocabulary=21128, positions=512, width=768, heads=12, layers=12, feed_forward=3072)
    sizes = model.MixSizes(encoder, frame_width=1536, expansion=2, groups=8, clusters=64, vlad_output=1024,
                           text_map=1024, fusion=256, squeeze_ratio=8, tags=10000)
    trainable, state = model.mix_shapes(sizes)

    def count(shapes, prefix=""):
        return sum(torch.Size(shape).numel() for name, shape in shapes.items() if name.startswith(prefix))

    expected = {"": 206_935_371, "bert.": 102_267_648, "bert.embeddings": 16_622_592, "bert.pooler": 590_592,
                "experts.0.vlad": 31_511_560, "experts.1.fusion": 540_928, "experts.2.classifier": 2_570_000,
                "text_map": 787_456, "gate.norm": 5_120, "gate.dense": 7_683}
    for prefix, number in expected.items():
        assert count(trainable, prefix) == number, f"{prefix or 'total'}: {count(trainable, prefix):,} is not {number:,}"
    assert count(state) == 2 * (3 * 512 + 2560)
    assert len([name for name in trainable if name.startswith("bert.")]) == 199
    rotary = model.encoder_shapes(replace(encoder, vocabulary=50000), "roformer")
    assert count(rotary) == 123_457_536 and len(rotary) == 196


def uniter_parameter_counts():
    """docs/reference-system.md, section 3.10: encoder without pooler, frame map, fc, classifier, mlm."""
    for kind, vocabulary, expected in (("bert", 21128, 105_844_376), ("roformer", 50000, 127_653_728)):
        encoder = model.EncoderSizes(vocabulary, positions=512, width=768, heads=12, layers=12, feed_forward=3072)
        sizes = uniter_model.UniterSizes(encoder, frame_width=1536, embedding=256, tags=10000, kind=kind)
        number = sum(torch.Size(shape).numel() for shape in uniter_model.uniter_shapes(sizes).values())
        assert number == expected, f"{kind}: {number:,} is not {expected:,}"


def rotations():
    """docs/reference-system.md, section 3.2, literally; section 12, item 11, is position 1 of a head of 64."""
    x = Draw(8).normal(2, 3, 5, 8)
    turned = uniter_model.rotate(x)
    for p in range(5):
        for i in range(4):
            angle = torch.tensor(p * 10000 ** (-2 * i / 8), dtype=torch.float64)
            even, odd = x[:, :, p, 2 * i], x[:, :, p, 2 * i + 1]
            close(turned[:, :, p, 2 * i], even * angle.cos() - odd * angle.sin(), 1e-13, "rotated even column")
            close(turned[:, :, p, 2 * i + 1], odd * angle.cos() + even * angle.sin(), 1e-13, "rotated odd column")
    one = torch.zeros(1, 1, 2, 64, dtype=torch.float64)
    one[..., 0::2] = 1
    close(uniter_model.rotate(one)[0, 0, 1, [0, 1, 63]], [0.540302, 0.841471, 1.333521e-4], 1e-6, "row 1 of the rotary table")


def uniter_layers():
    """BERT's layers are those of the mix oracle where the sequence is text alone."""
    weights = {**uniter_cases.draw_weights("bert"), **Draw(9).weights({"bert.pooler.dense.weight": (16, 16), "bert.pooler.dense.bias": (16,)})}
    inputs, values = uniter_cases.finetune_inputs(), {}
    hidden, _ = model.bert(weights, 2, 2, inputs["token_ids"], inputs["attention_mask"], values)
    ours = uniter_model.layers(weights, uniter_cases.SIZES["bert"], values["encoder.embeddings"], inputs["attention_mask"], {})
    close(ours, hidden, 1e-13, "encoder")


def uniter_gradients():
    for kind in ("bert", "roformer"):
        weights = uniter_cases.draw_weights(kind)

        def pretrain(w):
            inputs = uniter_cases.pretrain_inputs(uniter_cases.SOME)
            return uniter_cases.pretrain_losses(w, kind, inputs, losses.asymmetric_loss, 10.0, {})["total"]

        def finetune(w):
            return uniter_cases.finetune_losses(w, kind, uniter_cases.finetune_inputs(), losses.binary_cross_entropy, {})["total"]

        for objective, used in ((pretrain, lambda name: True), (finetune, lambda name: not name.startswith("mlm."))):
            w = uniter_cases.with_gradients(weights)
            against_differences(objective, weights, uniter_cases.gradients(objective(w), w, used), f"{kind} {objective.__name__}")


def loss_vectors():
    """docs/reference-system.md, section 12, items 6, 7 and 12."""

    def at(function, z, y):
        logits = torch.tensor([[z]], dtype=torch.float64, requires_grad=True)
        value = function(logits, torch.tensor([[y]], dtype=torch.float64)).sum()
        return value.item(), torch.autograd.grad(value, logits)[0].item()

    close(at(losses.asymmetric_loss, 0.0, 1.0)[0], 0.693147, 1e-6, "ASL of a tag at 0")
    close(at(losses.asymmetric_loss, 0.0, 0.0), [0.346574, 0.423287], 1e-6, "ASL of an absent tag at 0")
    close(at(losses.asymmetric_loss, 40.0, 1.0), [0.0, 0.0], 1e-15, "ASL of a tag at 40")
    close(at(losses.asymmetric_loss, -3.0, 0.0)[1], 0.00444423, 1e-8, "ASL gradient at -3")
    close(at(losses.asymmetric_loss, 2.5, 0.0)[1], 1.03482786, 1e-8, "ASL gradient at 2.5")
    for s, value, slope in ((0.25, 0.346574, -2.0), (-0.3, 7.71247, 0.0)):
        similarity = torch.tensor([s], dtype=torch.float64, requires_grad=True)
        _, kl = losses.pair_terms(similarity, torch.tensor([0.5], dtype=torch.float64))
        close(kl, value, 5e-6, f"KL term at {s}")
        close(torch.autograd.grad(kl, similarity)[0], [slope], 1e-12, f"KL gradient at {s}")


def rotary_positions():
    """docs/reference-system.md, section 12, item 11. And a score depends on the distance of its positions alone."""
    pairs = torch.tensor([1.0, 0.0] * 32).double().expand(2, 64)  # turned, they show the angles' cosines and sines
    close(model.rotate(pairs)[0], pairs[0], 0, "position 0")
    close(model.rotate(pairs)[1, :2], [0.540302, 0.841471], 1e-6, "first pair of position 1")
    close(model.rotate(pairs)[1, 63], 1.333521e-4, 1e-10, "last pair of position 1")
    draw = Draw(8)
    query, key = (model.rotate(draw.normal(1, 10).expand(9, 10)) for _ in range(2))
    scores = query @ key.T
    for distance in range(-8, 9):
        diagonal = scores.diagonal(distance)
        close(diagonal, diagonal[0].expand_as(diagonal), 1e-13, f"scores at distance {distance}")
    x = draw.normal(2, 3, 9, 10)
    close(model.rotate(x), uniter_model.rotate(x), 1e-13, "rotations of mix and of uniter, which are written differently")


def library_layers():
    """The plainly written encoder, batch normalisation and BCE against PyTorch's own."""
    sizes = model.EncoderSizes(vocabulary=11, positions=8, width=12, heads=3, layers=1, feed_forward=20)
    draw = Draw(5)
    w = draw.weights(model.encoder_shapes(sizes))
    token_ids, lengths = draw.integers(0, 11, 4, 7), torch.tensor([7, 3, 1, 5])
    mask = (torch.arange(7)[None, :] < lengths[:, None]).long()
    values = {}
    hidden, _ = model.bert(w, sizes.heads, sizes.layers, token_ids, mask, values)

    theirs = torch.nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, activation="gelu", layer_norm_eps=1e-12,
                                              batch_first=True, dtype=torch.float64)
    layer = "bert.encoder.layer.0"
    self_attention = f"{layer}.attention.self"
    theirs.load_state_dict({
        "self_attn.in_proj_weight": torch.cat([w[f"{self_attention}.{p}.weight"] for p in ("query", "key", "value")]),
        "self_attn.in_proj_bias": torch.cat([w[f"{self_attention}.{p}.bias"] for p in ("query", "key", "value")]),
        **{f"{name}.{kind}": w[f"{layer}.{ours}.{kind}"] for kind in ("weight", "bias") for name, ours in (
            ("self_attn.out_proj", "attention.output.dense"), ("norm1", "attention.output.LayerNorm"),
            ("linear1", "intermediate.dense"), ("linear2", "output.dense"), ("norm2", "output.LayerNorm"))},
    })
    expected = theirs(values["encoder.embeddings"], src_key_padding_mask=mask == 0)
    close(hidden, expected, 1e-12, "encoder layer")

    x, norm = draw.normal(9, 5), draw.weights({"norm.weight": (5,), "norm.bias": (5,)})
    state = {"norm.running_mean": torch.zeros(5).double(), "norm.running_var": torch.ones(5).double()}
    for training in (True, False):
        ours = model.BatchNormState(state, training).normalise(x, norm, "norm")
        expected = torch.nn.functional.batch_norm(
            x, torch.zeros(5).double(), torch.ones(5).double(), norm["norm.weight"], norm["norm.bias"], training, eps=1e-3)
        close(ours, expected, 1e-13, "batch normalisation")

    logits, labels = draw.normal(3, 7, scale=5.0), draw.integers(0, 2, 3, 7).double()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(1)
    close(losses.binary_cross_entropy(logits, labels), expected, 1e-12, "binary cross-entropy")


def against_differences(objective, variables, gradients, what, entries=3, step=1e-5):
    """Each gradient against central differences at some entries; `objective(variables)` is a float."""
    picker = Draw(6).random
    with torch.no_grad():
        for name, value in variables.items():
            largest = max(gradients[name].abs().max().item(), 1e-3)
            for _ in range(entries):
                index = tuple(picker.randint(size) for size in value.shape)
                kept = value[index].item()
                sides = []
                for moved in (kept + step, kept - step):
                    value[index] = moved
                    sides.append(float(objective(variables)))
                value[index] = kept
                close(gradients[name][index], (sides[0] - sides[1]) / (2 * step), 1e-5 * largest,
                      f"{what}: gradient of {name}{list(index)}")


def whole_model_gradients():
    weights, running = cases.draw_network()

    def pretrain(w):
        inputs = cases.pretrain_inputs()
        outputs = model.mix(w, cases.SIZES, inputs, model.BatchNormState(running, training=True), {})
        return losses.pretrain_losses(outputs, inputs["labels"], losses.binary_cross_entropy)["total"]

    def finetune(w):
        return cases.both_sides(w, cases.finetune_inputs(), model.BatchNormState(running, training=True), {}, losses.binary_cross_entropy)["total"]

    for objective in (pretrain, finetune):
        w = cases.with_gradients(weights)
        against_differences(objective, weights, cases.gradients(objective(w), w), objective.__name__)

    rotary, rotary_running = cases.draw_network(cases.ROFORMER)

    def pretrain_roformer(w):
        inputs = cases.pretrain_inputs(cases.ROFORMER_SEEDS["pretrain"])
        outputs = model.mix(w, cases.ROFORMER, inputs, model.BatchNormState(rotary_running, training=True), {})
        return losses.pretrain_losses(outputs, inputs["labels"], losses.binary_cross_entropy)["total"]

    w = cases.with_gradients(rotary)
    against_differences(pretrain_roformer, rotary, cases.gradients(pretrain_roformer(w), w), "pretrain_roformer")


def block_gradients():
    """Every block but the one that sits on the kinks of the clip."""
    for name, block in BLOCKS.items():
        if name != "pair_loss_clip":
            block = block()
            gradients = {key[5:]: value for key, value in block.tensors().items() if key.startswith("grad.")}
            variables = {key: value.detach() for key, value in block.variables().items()}
            against_differences(lambda v: block.objective(v, {})[0], variables, gradients, name, entries=20)


def clipped_pair_slopes():
    """docs/reference-system.md, section 4.6: 2(s - y) - 0.5 y/s inside the clip and on its bounds; below the floor
    1e6 a."""
    tensors = BLOCKS["pair_loss_clip"]().tensors()
    s, y = tensors["value.similarity"], tensors["input.similarities"]
    below, above = tensors["input.right"][0, 0], tensors["input.right"][1, 0]
    close(s, [below, above, 1, -1, 0, 1e6 * tensors["input.left"][5, 3], 0.6], 1e-14, "similarities at the edges")
    inside = torch.tensor([0, 1, 1, 0, 0, 1, 1]).double()
    slopes = 2 * (s - y) - inside * 0.5 * y.clamp(1e-7, 1) / s.clamp(min=1e-7)
    close(tensors["grad.value.similarity"] / slopes, torch.full_like(s, 0.75), 1e-12, "slopes at the edges")
    for row in (4, 5):
        expected = tensors["grad.value.similarity"][row] * 1e6 * tensors["input.right"][row]
        close(tensors["grad.input.left"][row], expected, 1e-6, "gradient of an embedding below the floor")


def adam_updates():
    """docs/reference-system.md, section 12, item 5. PyTorch's Adam agrees with Keras' form where epsilon vanishes."""
    for step, expected in ((0, 0), (500, 2.5e-4), (1000, 5e-4), (2500, 2.5e-4), (4000, 0)):
        close(adam.rate(step, 5e-4, 1000, 4000), expected, 1e-18, f"rate at {step}")
    draw = Draw(7)
    value, gradients = draw.normal(4, 3), draw.normal(adam.STEPS, 4, 3)
    theirs = torch.nn.Parameter(value.clone())
    optimizer = torch.optim.Adam([theirs], lr=0.0, betas=(adam.BETA1, adam.BETA2), eps=0.0)
    first = second = torch.zeros(4, 3).double()
    for step in range(adam.STEPS):
        learning_rate = adam.rate(step, 1e-3, 5, 40)
        value, first, second = adam.update(value, first, second, gradients[step], step, learning_rate, epsilon=0.0)
        optimizer.param_groups[0]["lr"] = learning_rate
        theirs.grad = gradients[step].clone()
        optimizer.step()
    close(value, theirs.detach(), 1e-14, "Adam")


def run():
    for check in (parameter_counts, uniter_parameter_counts, rotations, rotary_positions, loss_vectors, library_layers, uniter_layers,
                  whole_model_gradients, uniter_gradients, block_gradients, clipped_pair_slopes, adam_updates):
        check()
        print(f"checked: {check.__name__.replace('_', ' ')}")
