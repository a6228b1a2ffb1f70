{
  "targets": [
    {
      "target_name": "nbd",
      "sources": [
        "src/addon.cc",
        "src/affinity.cc",
        "src/arguments.cc",
        "src/connection.cc",
        "src/copy_engine.cc",
        "src/copy_job.cc",
        "src/copy_setup.cc",
        "src/copy_shared.cc",
        "src/digest.cc",
        "src/file_copy.cc",
        "src/file_copy_job.cc",
        "src/file_reader.cc",
        "src/file_writer.cc",
        "src/failure.cc",
        "src/handle.cc",
        "src/io_loop.cc",
        "src/lane.cc",
        "src/lane_pieces.cc",
        "src/map_reader.cc",
        "src/page_sum.cc",
        "src/work_queue.cc",
        "src/zero_test.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api"],
      "defines": ["NAPI_VERSION=9", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["-std=c++17", "-O3", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-fno-exceptions"],
      "cflags_cc!": ["-fno-rtti"],
      "libraries": ["<!@(pkg-config --libs libnbd libxxhash nettle)"]
    }
  ]
}
