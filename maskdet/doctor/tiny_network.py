"""The smallest convolution network as a .tflite file, for a machine that cannot make one.

Made by TensorFlow's converter: a 3 x 3 kernel of 0 .. 8, row by row, without bias or padding, over
a float32 image (1, 4, 4, 1).
"""

import base64
import zlib

#: What it makes of an image of 0 .. 15, row by row.
EXPECTED = (258.0, 294.0, 402.0, 438.0)
TINY_NETWORK = zlib.decompress(
    base64.b64decode(
        "eNqNUj1PwlAUvaVViTZCIiHGMKhhcEJBnRFRI4kfCRIHFzSCSRMoRovBhIF/4GKcHIxxdnBxdXB2cHJw8Ac4umo9"
        "9/UWKpOPHt7tee+e+9UEEZXWNuZjNEkJGqcYRckEFyYDNoHz4AA1jagNHOtEeNQKAQuAAby7rjso9hiQ397aXS3u"
        "FLa3ypurpdxKrpSDrqm0wzgfCNytW3b5pGk7Vr1aPquenFoNm4bAfwGfwBtwDVxKLuy3jHi87wNRySdMo1195pKK"
        "HVScnxsvs1uroeq1bkuv2cerC11qMpQXUSaVSafmiO4lFmumU4tMddfzt+u+yHmyy3ay+FvCA3SAG+AJ+AAo15+T"
        "n1f0x3VjQAT25kahOJlv2OiHU62kCK1XMyHU6GfPGqPC85xaQJuji2b9wLLZI+gbV3WYNCK+CS+0xrnPKHMY5xGl"
        "PSy+mtzhXae/8/fP9d49FdvEyx32dXmfQI/4SlT6yNw47+B5XoVKFR+Ac+77a6Lvx9jr8+d4PIcV8NPYj5r2oYMP"
        "56BWTs8eom+ZihiNWpMP0j1dPZDvQ59uSHSvwU/9R/dPj+JqNiTT8daQ6jlfickc/HkY6ue9twJ1GwFbk7xMNTOv"
        "O2ZvBvov+mx7vw=="
    )
)
