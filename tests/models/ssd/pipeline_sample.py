"""A small pipeline.config for tests."""

# A whole file as somebody has it who began with the API's sample.
PIPELINE = """# My detector.
model {
  ssd {
    num_classes: 5
    image_resizer { fixed_shape_resizer { height: 96 width: 96 } }
    feature_extractor { type: 'ssd_mobilenet_v1' depth_multiplier: 0.25 min_depth: 16 }
    box_coder {
      faster_rcnn_box_coder { y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 width_scale: 5.0 }
    }
    matcher { argmax_matcher { matched_threshold: 0.5 force_match_for_each_row: true } }
    anchor_generator {
      ssd_anchor_generator {
        num_layers: 4
        min_scale: 0.2
        max_scale: 0.95
        aspect_ratios: [1.0, 2.0, 0.5]
      }
    }
    box_predictor { convolutional_box_predictor { kernel_size: 1 } }
    loss {
      classification_loss { weighted_sigmoid {} }
      localization_loss { weighted_smooth_l1 {} }
    }
  }
}
train_config: {
  batch_size: 4
  optimizer { momentum_optimizer { learning_rate { constant_learning_rate {
    learning_rate: 0.004 } } } }
  num_steps: 2
  fine_tune_checkpoint: "PATH_TO_BE_CONFIGURED/model.ckpt"
}
train_input_reader: {
  tf_record_input_reader { input_path: "train.record" }
  label_map_path: "label_map.pbtxt"
}
eval_input_reader: {
  tf_record_input_reader { input_path: "val-?????-of-00002" }
  label_map_path: "label_map.pbtxt"
}
"""
